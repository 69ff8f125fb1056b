/**
 * The messages of one direction of a stream, between the connection's reader and whoever consumes them.
 *
 * `push` resolves once there is room, which holds the connection's reader back when a consumer is slow: ttrpc
 * has no flow control of its own, so a bound here is the only one there is. For this reason peers use
 * one connection per stream (reference: Go's ttrpc does the same).
 */
export class MessageQueue<T> implements AsyncIterable<T> {
  readonly #limit: number;
  #items: T[] = [];
  #ended = false;
  #error: unknown;
  #abandoned = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];

  /** @param limit messages kept before `push` waits */
  constructor(limit = 16) {
    this.#limit = limit;
  }

  /** True after `end`, `fail` or `abandon`: pushed messages are dropped. */
  get closed(): boolean {
    return this.#ended || this.#abandoned;
  }

  /** Adds a message and resolves when there is room for another one. Dropped where nobody will read it. */
  push(item: T): Promise<void> | undefined {
    if (this.closed) return undefined;
    this.#items.push(item);
    this.#wake();
    if (this.#items.length < this.#limit) return undefined;
    return new Promise((resolve) => this.#wakeWriters.push(resolve));
  }

  /** No more messages; those that wait are still read. */
  end(): void {
    if (this.closed) return;
    this.#ended = true;
    this.#wake();
  }

  /** As `end`, but the reader gets `error` behind the last message. */
  fail(error: unknown): void {
    if (this.closed) return;
    this.#error = error;
    this.end();
  }

  /** The reader is gone: drops everything and lets the writer go on. */
  abandon(): void {
    this.#abandoned = true;
    this.#items = [];
    this.#release();
    this.#wake();
  }

  /** The next message or undefined at the end. */
  async next(): Promise<T | undefined> {
    while (true) {
      if (this.#items.length) {
        const item = this.#items.shift();
        if (this.#items.length < this.#limit) this.#release();
        return item;
      }
      if (this.#error !== undefined && !this.#abandoned) throw this.#error;
      if (this.closed) return undefined;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    while (true) {
      const item = await this.next();
      if (item === undefined) return;
      yield item;
    }
  }

  #wake(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    wake?.();
  }

  #release(): void {
    const writers = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const resolve of writers) resolve();
  }
}
