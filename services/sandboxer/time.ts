import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";

/** A steady clock in ms with fractions, to measure how long something takes. */
export function steadyMs(): number {
  return performance.now();
}

/** Times go to the wire as a `Timestamp`. */
export function toTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

/** A `Timestamp` as ms since the epoch; 0 where it is absent. Go's zero time is a large negative number. */
export function fromTimestamp(time: Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1000 + time.nanos / 1e6;
}

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
