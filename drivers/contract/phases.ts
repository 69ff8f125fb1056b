import type { Phase } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";

/** Wall-clock milliseconds with a fraction, monotonic within the process. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** A moment in ms since 1970 as protobuf wants it. */
export function toTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6)) };
}

/** Collects when the steps of a start began and ended; steps may overlap. */
export class PhaseClock {
  readonly #phases: Phase[] = [];

  /** Runs a step and notes its time, also where it fails. */
  async measure<T>(name: string, step: () => T | Promise<T>): Promise<T> {
    const begin = nowMs();
    try {
      return await step();
    } finally {
      this.add(name, begin, nowMs());
    }
  }

  /** Notes a step whose time is known. */
  add(name: string, beginMs: number, endMs: number): void {
    this.#phases.push({ name, begin: toTimestamp(beginMs), end: toTimestamp(endMs) });
  }

  /** What was noted so far, in the order in which the steps ended. */
  list(): Phase[] {
    return [...this.#phases];
  }
}
