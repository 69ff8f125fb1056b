/** The longest pause before a restart. */
export const MAX_DELAY_MS = 5_000;

/** Who ran this long counts as healthy again. */
export const HEALTHY_AFTER_MS = 10_000;

const FIRST_DELAY_MS = 20;

/** How long to wait before a process is started again: almost nothing at first, then twice as long each time. */
export class Backoff {
  #delayMs = FIRST_DELAY_MS;

  /** The pause before the next start of a process that ran for `ranMs`. */
  next(ranMs: number): number {
    if (ranMs >= HEALTHY_AFTER_MS) this.#delayMs = FIRST_DELAY_MS;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(this.#delayMs * 2, MAX_DELAY_MS);
    return delayMs;
  }
}
