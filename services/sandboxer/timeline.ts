import type { Phase } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { PhaseRecord } from "./record.ts";
import { fromTimestamp, steadyMs, toTimestamp } from "./time.ts";

/** Longest list of phases that is kept; a driver may send what it likes. */
const MAX_PHASES = 200;

/** Notes how long each step of an operation takes. */
export class Timeline {
  readonly #phases: PhaseRecord[] = [];
  readonly #open: string[] = [];
  /** What makes a time since the epoch of the steady clock; kept, so that a corrected clock bends no phase. */
  readonly #epochMs = Date.now() - steadyMs();

  /** The phases so far, in the order of their ends. */
  get phases(): PhaseRecord[] {
    return [...this.#phases];
  }

  /** The phases that have begun and not ended: what a start that takes too long is waiting for. Without those around them. */
  get waitingFor(): string[] {
    return this.#open.filter((name) => !this.#open.some((other) => other.startsWith(`${name}/`)));
  }

  /** Runs `work` as a phase; a failed one is noted too. */
  async phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const beginMs = this.#nowMs();
    this.#open.push(name);
    try {
      return await work();
    } finally {
      this.#open.splice(this.#open.indexOf(name), 1);
      this.#add({ name, beginMs, endMs: this.#nowMs() });
    }
  }

  /** Takes over the phases of somebody else, below `prefix`. */
  adopt(prefix: string, phases: readonly Phase[]): void {
    for (const { name, begin, end } of phases) {
      this.#add({ name: `${prefix}/${name}`, beginMs: fromTimestamp(begin), endMs: fromTimestamp(end) });
    }
  }

  #nowMs(): number {
    return this.#epochMs + steadyMs();
  }

  #add(phase: PhaseRecord): void {
    if (this.#phases.length < MAX_PHASES) this.#phases.push(phase);
  }
}

/** Phases as they go to the wire, in the order of their begins, outer ones before inner ones. */
export function toPhases(records: readonly PhaseRecord[]): Phase[] {
  const sorted = [...records].sort((a, b) => a.beginMs - b.beginMs || b.endMs - a.endMs);
  return sorted.map(({ name, beginMs, endMs }) => ({
    name,
    begin: toTimestamp(beginMs),
    end: toTimestamp(endMs),
  }));
}
