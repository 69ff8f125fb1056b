import { type ByteStream, type ClientLimits, FrameBudget } from "../../lib/ttrpc/mod.ts";
import { MAX_ANSWER_BYTES } from "../../lib/vsock/mod.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { SeldomLog } from "../runtime/seldom_log.ts";
import { type Rate, TokenBucket } from "./token_bucket.ts";

/** What all guests' unfinished answers may take of this server's heap, which has 128 MiB. */
const ALL_ANSWERS_BYTES = 16 << 20;
/** From the header of an answer to its end: a guest sends both in one go, on a host that may be busy. */
const BODY_TIMEOUT_MS = 30_000;

/** What one guest may say: some hundred times what it has to. */
const RATES = {
  /** An answer has some KiB; statistics are asked for every few seconds. */
  bytes: { perSecond: 1 << 20, burst: 2 << 20 },
  frames: { perSecond: 500, burst: 1000 },
  /** containerd is told each. A container whose processes are killed one after the other has many. */
  events: { perSecond: 1, burst: 16 },
} satisfies Record<string, Rate>;

const budget = new FrameBudget(ALL_ANSWERS_BYTES);

/**
 * How much one guest may say, whatever connection it says it on. One that says more is not heard for a while; it does not cost other
 * guests anything, nor lines of the log.
 */
export class GuestPace {
  readonly #sandboxId: string;
  readonly #buckets: Readonly<Record<keyof typeof RATES, TokenBucket>>;
  readonly #log = new SeldomLog();

  constructor(sandboxId: string) {
    const now = sys.nowMs();
    this.#sandboxId = sandboxId;
    this.#buckets = {
      bytes: new TokenBucket(RATES.bytes, now),
      frames: new TokenBucket(RATES.frames, now),
      events: new TokenBucket(RATES.events, now),
    };
  }

  /** For the client of a connection to the guest. */
  get limits(): ClientLimits {
    return {
      maxBodyBytes: MAX_ANSWER_BYTES,
      bodyTimeoutMs: BODY_TIMEOUT_MS,
      budget,
      onFrame: () => this.#take("frames", 1),
    };
  }

  /** A connection to the guest, read no faster than it may talk. */
  slowed(stream: ByteStream): ByteStream {
    return {
      read: async () => {
        const bytes = await stream.read();
        if (bytes) await this.#take("bytes", bytes.length);
        return bytes;
      },
      write: (bytes) => stream.write(bytes),
      close: () => stream.close(),
    };
  }

  /** After an event: resolves when the next one may be asked for. */
  event(): Promise<void> | undefined {
    return this.#take("events", 1);
  }

  /** Something of the guest was of no use. */
  complain(message: string, fields: Record<string, unknown> = {}): void {
    this.#log.warn(message, { sandbox: this.#sandboxId, ...fields });
  }

  #take(what: keyof typeof RATES, count: number): Promise<void> | undefined {
    const waitMs = this.#buckets[what].take(count, sys.nowMs());
    if (waitMs === 0) return undefined;
    this.complain("a guest says more than it may", { what });
    return sleep(waitMs);
  }
}
