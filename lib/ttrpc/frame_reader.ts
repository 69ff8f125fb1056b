import { KuasarError } from "../errors/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type Frame, HEADER_BYTES, MAX_BODY_BYTES } from "./frame.ts";

const EMPTY = new Uint8Array(0);

/**
 * Cuts a byte stream into frames, whatever the sizes of the chunks it comes in.
 *
 * A body that lies within one chunk is a view of it; only a body spread over chunks is copied, once.
 */
export class FrameReader {
  readonly #stream: ByteStream;
  #chunk: Uint8Array = EMPTY;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /**
   * Returns the next frame, or null where the stream ends between two frames.
   *
   * @throws INVALID_ARGUMENT when the reserved first byte is set: the framing is lost, so the connection is
   * @throws DATA_LOSS when the stream ends within a frame
   */
  async next(): Promise<Frame | null> {
    const header = await this.#exactly(HEADER_BYTES, true);
    if (!header) return null;
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    if (header[0] !== 0) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot read a ttrpc frame: the first byte is reserved and 0, current value is ${header[0]}`,
      );
    }
    const length = view.getUint32(0);
    const frame: Frame = {
      streamId: view.getUint32(4),
      type: view.getUint8(8),
      flags: view.getUint8(9),
      body: EMPTY,
    };
    if (length > MAX_BODY_BYTES) {
      await this.#drain(length);
      frame.oversizedBytes = length;
    } else if (length > 0) {
      frame.body = await this.#exactly(length, false) ?? EMPTY;
    }
    return frame;
  }

  async #exactly(length: number, endAllowed: boolean): Promise<Uint8Array | null> {
    if (this.#chunk.length === 0 && !await this.#fill()) {
      if (endAllowed) return null;
      throw truncated(length, 0);
    }
    if (this.#chunk.length >= length) return this.#take(length);
    const whole = new Uint8Array(length);
    let filled = 0;
    while (true) {
      const part = this.#take(Math.min(length - filled, this.#chunk.length));
      whole.set(part, filled);
      filled += part.length;
      if (filled === length) return whole;
      if (!await this.#fill()) throw truncated(length, filled);
    }
  }

  async #drain(length: number): Promise<void> {
    let left = length;
    while (left > 0) {
      if (this.#chunk.length === 0 && !await this.#fill()) throw truncated(length, length - left);
      left -= this.#take(Math.min(left, this.#chunk.length)).length;
    }
  }

  #take(length: number): Uint8Array {
    const part = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.length === length ? EMPTY : this.#chunk.subarray(length);
    return part;
  }

  async #fill(): Promise<boolean> {
    while (true) {
      const chunk = await this.#stream.read();
      if (chunk === null) return false;
      if (chunk.length === 0) continue;
      this.#chunk = chunk;
      return true;
    }
  }
}

function truncated(wanted: number, got: number): KuasarError {
  return new KuasarError(
    "DATA_LOSS",
    `Cannot read a ttrpc frame: the stream ended after ${got} of ${wanted} bytes`,
  );
}
