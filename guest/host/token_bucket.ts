/** A rate, and what may be taken at once after a rest. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** Holds a rate: who takes more than there is waits until it would have been there. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** Takes `count`, now. @returns ms to wait before more is taken, mostly 0 */
  take(count: number, nowMs: number): number {
    const { perSecond, burst } = this.#rate;
    const grown = this.#tokens + (nowMs - this.#atMs) / 1000 * perSecond;
    this.#tokens = Math.min(burst, grown) - count;
    this.#atMs = nowMs;
    return Math.max(0, -this.#tokens / perSecond * 1000);
  }
}
