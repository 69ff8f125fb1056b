import type { Sandbox } from "./sandbox.ts";

/** Pauses between the attempts for one sandbox. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** Has something run after a time; returns a way to take it back. */
export type Later = (work: () => void, ms: number) => () => void;

/** By the clock. */
export const afterTime: Later = (work, ms) => {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
};

/** Finishes what failed for sandboxes until it succeeds: a peer may be away for long, but nothing stays behind. */
export class Janitor {
  readonly #finish: (sandbox: Sandbox) => Promise<void>;
  readonly #later: Later;
  /** By the sandbox, not by its id: the next one of this id has a job of its own. */
  readonly #jobs = new Map<Sandbox, () => void>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  /** @param finish may be repeated; throws as long as something is left over */
  constructor(finish: (sandbox: Sandbox) => Promise<void>, later: Later = afterTime) {
    this.#finish = finish;
    this.#later = later;
  }

  /** Finishes a sandbox after a pause, again and again until that succeeds. Asked twice, it does so once. */
  take(sandbox: Sandbox, pauseMs = FIRST_PAUSE_MS): void {
    if (this.#closed || this.#jobs.has(sandbox)) return;
    const cancel = this.#later(() => {
      const running = this.#finish(sandbox).then(
        () => void this.#jobs.delete(sandbox),
        () => {
          this.#jobs.delete(sandbox);
          this.take(sandbox, Math.min(2 * pauseMs, MAX_PAUSE_MS));
        },
      );
      this.#running.add(running);
      void running.then(() => this.#running.delete(running));
    }, pauseMs);
    this.#jobs.set(sandbox, cancel);
  }

  /** Takes no more jobs and forgets those that wait; what runs is waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#jobs.values()) cancel();
    this.#jobs.clear();
    await Promise.all(this.#running);
  }
}
