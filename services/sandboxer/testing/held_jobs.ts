import type { Later } from "../janitor.ts";

/** What a sandboxer would try again after a time, which here comes when a test says so. */
export class HeldJobs {
  readonly #jobs = new Set<() => void>();

  /** How many wait. */
  get size(): number {
    return this.#jobs.size;
  }

  /** For {@link Fixture.run}. */
  readonly later: Later = (work) => {
    this.#jobs.add(work);
    return () => this.#jobs.delete(work);
  };

  /** Begins all that wait. */
  begin(): void {
    const jobs = [...this.#jobs];
    this.#jobs.clear();
    for (const job of jobs) job();
  }
}
