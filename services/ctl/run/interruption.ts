import { ENDING_SIGNALS } from "../../../lib/process/mod.ts";

/**
 * Signals to this process while it has something on the node: the first is a request, the second a demand, the third ends
 * this process as it stands.
 */
export class Interruption {
  /** Set by the first: the exit code that a shell gives what a signal has ended. */
  exitCode: number | undefined;
  readonly #asked = new AbortController();
  readonly #demanded = new AbortController();
  readonly #listeners = Object.entries(ENDING_SIGNALS).map(([name, number]) =>
    [name as Deno.Signal, () => this.#take(number)] as const
  );

  constructor() {
    for (const [name, listener] of this.#listeners) Deno.addSignalListener(name, listener);
  }

  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  get demanded(): AbortSignal {
    return this.#demanded.signal;
  }

  /** As a first signal does. */
  ask(exitCode: number): void {
    this.exitCode ??= exitCode;
    this.#asked.abort();
  }

  #take(number: number): void {
    if (this.#demanded.signal.aborted) Deno.exit(128 + number);
    if (this.#asked.signal.aborted) this.#demanded.abort();
    this.ask(128 + number);
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) Deno.removeSignalListener(name, listener);
  }
}
