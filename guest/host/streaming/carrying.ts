import type { HostStream } from "./host_stream.ts";

/** Somebody who carries the bytes of a stream, and waits for one thing at a time. Ends when another one begins or the stream is closed. */
export class Carrying {
  readonly #stream: HostStream;
  #over = false;
  #wake: (() => void) | undefined;

  constructor(stream: HostStream) {
    this.#stream = stream;
    stream.carriedBy(this);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Waits for events of the FIFO. @returns whether it was these and not {@link end} */
  async ready(events: number): Promise<boolean> {
    await this.#until((resolve) => this.#stream.watch(events, resolve));
    return !this.#over;
  }

  /** Waits for what `start` begins to call back for. @returns whether it did and not {@link end} */
  async told(start: (tell: () => void) => void): Promise<boolean> {
    await this.#until(start);
    return !this.#over;
  }

  /** Whoever waits goes on at once. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.carriedBy(undefined, this);
    this.#wake?.();
  }

  async #until(start: (resolve: () => void) => void): Promise<void> {
    if (this.#over) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      start(resolve);
    });
    this.#wake = undefined;
  }
}
