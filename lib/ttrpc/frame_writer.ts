import { asKuasarError, KuasarError } from "../errors/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { encodeHeader } from "./frame.ts";

/** Parts from this size on are written as they are; smaller ones are gathered into one write. */
const LARGE_PART_BYTES = 8 << 10;

/** A gathered write is not made longer than this. */
const GATHER_BYTES = 64 << 10;

interface Batch {
  parts: Uint8Array[];
  written: Promise<void>;
  resolve: () => void;
  reject: (error: KuasarError) => void;
}

/**
 * The one writer of a connection: frames leave whole and in the order of the calls.
 *
 * What is queued in one turn of the event loop, or while a write is under way, leaves in one write where
 * it is small. Large bodies are never copied.
 */
export class FrameWriter {
  readonly #stream: ByteStream;
  #next: Batch | undefined;
  #running = false;
  #failure: KuasarError | undefined;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /**
   * Queues a frame whose body is `parts` one after the other; resolves when it is handed to the transport.
   *
   * @throws UNAVAILABLE when the connection is closed or breaks
   */
  write(streamId: number, type: number, flags: number, parts: readonly Uint8Array[]): Promise<void> {
    if (this.#failure) return refused(this.#failure);
    const batch = this.#next ??= newBatch();
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    batch.parts.push(encodeHeader(length, streamId, type, flags), ...parts);
    if (!this.#running) {
      this.#running = true;
      queueMicrotask(() => void this.#run());
    }
    return batch.written;
  }

  /** Refuses all that is queued or comes later with `error`. */
  fail(error: KuasarError): void {
    this.#failure ??= error;
    this.#next?.reject(this.#failure);
    this.#next = undefined;
  }

  async #run(): Promise<void> {
    while (this.#next) {
      const batch = this.#next;
      this.#next = undefined;
      try {
        for (const chunk of gather(batch.parts)) await this.#stream.write(chunk);
        batch.resolve();
      } catch (error) {
        const failure = new KuasarError(
          "UNAVAILABLE",
          `Cannot write to the ttrpc connection: ${asKuasarError(error).message}`,
          { cause: error },
        );
        batch.reject(this.#failure ?? failure);
        this.fail(failure);
        // The connection's reader learns of it by the end of the stream.
        this.#stream.close();
      }
    }
    this.#running = false;
  }
}

function refused(error: KuasarError): Promise<void> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}

function newBatch(): Batch {
  let resolve = () => {};
  let reject = (_: KuasarError) => {};
  const written = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Who does not wait for a frame learns of a broken connection by its reader.
  written.catch(() => {});
  return { parts: [], written, resolve, reject };
}

/** Joins runs of small parts, so that most batches become one write. */
export function* gather(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  let run: Uint8Array[] = [];
  let bytes = 0;
  for (const part of parts) {
    if (part.length === 0) continue;
    const large = part.length >= LARGE_PART_BYTES;
    if (run.length && (large || bytes + part.length > GATHER_BYTES)) {
      yield join(run, bytes);
      run = [];
      bytes = 0;
    }
    if (large) {
      yield part;
    } else {
      run.push(part);
      bytes += part.length;
    }
  }
  if (run.length) yield join(run, bytes);
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
