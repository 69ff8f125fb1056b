import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { EventsDefinition } from "../../lib/proto/gen/containerd/services/events/ttrpc/v1/events.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { now } from "./process.ts";

/** Events that wait while containerd is away; the oldest are dropped. */
const MAX_QUEUED = 1024;
const CALL_TIMEOUT_MS = 5_000;

/** What could not be told is told again: soon, as containerd may have been busy, and more and more seldom where it is away. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

interface Queued {
  namespace: string;
  topic: string;
  event: Any;
  timestamp: ReturnType<typeof now>;
}

/** A connection to containerd. */
export interface EventsConnection {
  forward(envelope: Queued): Promise<unknown>;
  /** Resolves when containerd has ended it. */
  closed: Promise<unknown>;
}

/** @param path containerd's ttrpc socket */
function connect(path: string): EventsConnection {
  const client = new TtrpcClient(new FdStream(sys.connectUnix(path)));
  const events = createClient(EventsDefinition, client, { timeoutMs: CALL_TIMEOUT_MS });
  return {
    forward: (envelope) => events.forward({ envelope }),
    closed: client.closed,
  };
}

/** Sends task events to containerd, in order and as well as can be: nothing waits for them. */
export class EventPublisher {
  readonly #connect: () => EventsConnection;
  readonly #clock: typeof now;
  readonly #queue: Queued[] = [];
  #connection: EventsConnection | undefined;
  #sending = false;
  /** Ends the pause between two attempts. */
  #hurry = () => {};

  /** @param path containerd's ttrpc socket */
  constructor(path: string, { open = connect, clock = now } = {}) {
    this.#connect = () => open(path);
    this.#clock = clock;
  }

  publish(namespace: string, topic: string, event: Any): void {
    this.#queue.push({ namespace, topic, event, timestamp: this.#clock() });
    if (this.#queue.length > MAX_QUEUED) this.#queue.shift();
    if (this.#sending) this.#hurry();
    else void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    let pauseMs = FIRST_RETRY_MS;
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      try {
        await this.#connected().forward(next);
        pauseMs = FIRST_RETRY_MS;
        // It may have been dropped meanwhile.
        if (this.#queue[0] === next) this.#queue.shift();
      } catch (error) {
        // A connection on which containerd was too busy to answer is as good as the next one.
        log.debug("cannot publish an event", { error });
        await this.#pause(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LAST_RETRY_MS);
      }
    }
    this.#sending = false;
  }

  /** Waits, but no longer than until there is another event. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #connected(): EventsConnection {
    if (this.#connection) return this.#connection;
    const connection = this.#connect();
    this.#connection = connection;
    void connection.closed.then(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    return connection;
  }
}
