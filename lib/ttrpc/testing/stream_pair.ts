import type { ByteStream } from "../byte_stream.ts";

/** How a pipe cuts what goes through it; the default hands every write over as it is. */
export type Chunker = (bytes: Uint8Array) => Iterable<Uint8Array>;

/** Cuts into pieces of the given sizes, again and again. */
export function chunksOf(sizes: readonly number[]): Chunker {
  let turn = 0;
  return function* (bytes) {
    for (let at = 0; at < bytes.length;) {
      const size = Math.max(1, sizes[turn++ % sizes.length] ?? bytes.length);
      yield bytes.slice(at, at + size);
      at += size;
    }
  };
}

/** One end of an in-memory connection that also counts what was written to it. */
export interface TestStream extends ByteStream {
  /** Every write, as the writer made it. */
  readonly writes: Uint8Array[];
  readonly closed: boolean;
}

class End implements TestStream {
  readonly writes: Uint8Array[] = [];
  closed = false;
  peer: End | undefined;
  #chunks: Uint8Array[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(readonly chunker: Chunker) {}

  async read(): Promise<Uint8Array | null> {
    while (true) {
      const chunk = this.#chunks.shift();
      if (chunk) return chunk;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closed || !this.peer || this.peer.closed) return Promise.reject(new Error("broken pipe"));
    this.writes.push(bytes.slice());
    for (const chunk of this.chunker(bytes)) this.peer.receive(chunk.slice());
    return Promise.resolve();
  }

  receive(chunk: Uint8Array | null): void {
    if (chunk) this.#chunks.push(chunk);
    else this.#ended = true;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.receive(null);
    this.peer?.receive(null);
  }
}

/** Two joined ends: what one writes the other reads, cut by `chunker`. */
export function streamPair(chunker: Chunker = (bytes) => [bytes]): [TestStream, TestStream] {
  const left = new End(chunker);
  const right = new End(chunker);
  left.peer = right;
  right.peer = left;
  return [left, right];
}

/** A stream that yields the given chunks and then ends; what is written to it goes nowhere. */
export function streamOf(chunks: readonly Uint8Array[]): ByteStream {
  const left = [...chunks];
  return {
    read: () => Promise.resolve(left.shift() ?? null),
    write: () => Promise.resolve(),
    close: () => {},
  };
}

/** Joins bytes. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
