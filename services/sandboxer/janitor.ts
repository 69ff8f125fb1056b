/** Pauses between the attempts for one sandbox. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** Repeats failed work of sandboxes until it succeeds: a peer may be away for long, but nothing stays behind. */
export class Janitor {
  readonly #jobs = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  /**
   * Runs `work` after a pause, again and again as long as it throws. One job per key: a second one changes nothing.
   */
  later(key: string, work: () => Promise<void>, pauseMs = FIRST_PAUSE_MS): void {
    if (this.#closed || this.#jobs.has(key)) return;
    const timer = setTimeout(() => {
      const running = work().then(
        () => void this.#jobs.delete(key),
        () => {
          this.#jobs.delete(key);
          this.later(key, work, Math.min(2 * pauseMs, MAX_PAUSE_MS));
        },
      );
      this.#running.add(running);
      void running.then(() => this.#running.delete(running));
    }, pauseMs);
    this.#jobs.set(key, timer);
  }

  /** Takes no more jobs and forgets those that wait; what runs is waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#jobs.values()) clearTimeout(timer);
    this.#jobs.clear();
    await Promise.all(this.#running);
  }
}
