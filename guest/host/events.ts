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

interface Queued {
  namespace: string;
  topic: string;
  event: Any;
  timestamp: ReturnType<typeof now>;
}

/** Sends task events to containerd, in order and as well as can be: nothing waits for them. */
export class EventPublisher {
  readonly #path: string;
  readonly #queue: Queued[] = [];
  #client: TtrpcClient | undefined;
  #sending = false;

  /** @param path containerd's ttrpc socket */
  constructor(path: string) {
    this.#path = path;
  }

  publish(namespace: string, topic: string, event: Any): void {
    this.#queue.push({ namespace, topic, event, timestamp: now() });
    if (this.#queue.length > MAX_QUEUED) this.#queue.shift();
    if (!this.#sending) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    try {
      for (let next = this.#queue[0]; next; next = this.#queue[0]) {
        const client = this.#connected();
        await createClient(EventsDefinition, client, { timeoutMs: CALL_TIMEOUT_MS }).forward({
          envelope: next,
        });
        this.#queue.shift();
      }
    } catch (error) {
      // The rest goes out with the next event, over a new connection.
      log.debug("cannot publish an event", { error });
      this.#client?.close();
      this.#client = undefined;
    } finally {
      this.#sending = false;
    }
  }

  #connected(): TtrpcClient {
    if (this.#client) return this.#client;
    const client = new TtrpcClient(new FdStream(sys.connectUnix(this.#path)));
    this.#client = client;
    void client.closed.then(() => {
      if (this.#client === client) this.#client = undefined;
    });
    return client;
  }
}
