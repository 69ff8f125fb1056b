import { KuasarError } from "../errors/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { type Frame, HEADER_BYTES, MAX_BODY_BYTES } from "./frame.ts";
import type { FrameBudget } from "./frame_budget.ts";
import { after } from "./timer.ts";

const EMPTY = new Uint8Array(0);

/** What is made room for at once; more when so much has come. */
const FIRST_PIECE_BYTES = 64 << 10;

/** What a reader takes of a peer that is not trusted. */
export interface FrameLimits {
  /** Longest body that is kept; a longer one is drained. Default: what a frame may have. */
  maxBodyBytes?: number;
  /** From a header to the end of its body; the stream is closed then. Default: no limit. */
  bodyTimeoutMs?: number;
  /** Counts bodies that are under way. */
  budget?: FrameBudget;
}

/**
 * Cuts a byte stream into frames, whatever the sizes of the chunks it comes in.
 *
 * A body that lies within one chunk is a view of it. A body spread over chunks is copied, into memory that grows with what has come
 * of it: a header alone takes no more than {@link FIRST_PIECE_BYTES}.
 */
export class FrameReader {
  readonly #stream: ByteStream;
  readonly #limits: FrameLimits;
  readonly #holder = { giveUp: () => this.#giveUp("others need its memory") };
  #chunk: Uint8Array = EMPTY;
  #givenUp: string | undefined;

  constructor(stream: ByteStream, limits: FrameLimits = {}) {
    this.#stream = stream;
    this.#limits = limits;
  }

  /**
   * Returns the next frame, or null where the stream ends between two frames.
   *
   * @throws INVALID_ARGUMENT when the reserved first byte is set: the framing is lost, so the connection is
   * @throws DATA_LOSS when the stream ends within a frame
   * @throws RESOURCE_EXHAUSTED when the frame is given up because of the limits; the stream is closed then
   */
  async next(): Promise<Frame | null> {
    try {
      return await this.#frame();
    } catch (error) {
      if (this.#givenUp === undefined) throw error;
      throw new KuasarError("RESOURCE_EXHAUSTED", `Cannot wait for a ttrpc frame: ${this.#givenUp}`);
    } finally {
      this.#limits.budget?.release(this.#holder);
    }
  }

  async #frame(): Promise<Frame | null> {
    const header = await this.#exactly(HEADER_BYTES, true);
    if (!header) return null;
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    if (header[0] !== 0) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot read a ttrpc frame: the first byte is reserved and 0, current value is ${header[0]}`,
      );
    }
    const frame: Frame = {
      streamId: view.getUint32(4),
      type: view.getUint8(8),
      flags: view.getUint8(9),
      body: EMPTY,
    };
    await this.#body(frame, view.getUint32(0));
    return frame;
  }

  async #body(frame: Frame, length: number): Promise<void> {
    if (length === 0) return;
    const { maxBodyBytes = MAX_BODY_BYTES, bodyTimeoutMs } = this.#limits;
    const stopTimer = bodyTimeoutMs === undefined || this.#chunk.length >= length ? () => {} : after(
      bodyTimeoutMs,
      () => this.#giveUp(`its ${length} bytes were not there after ${bodyTimeoutMs} ms`),
    );
    try {
      if (length > maxBodyBytes) {
        await this.#drain(length);
        frame.oversizedBytes = length;
      } else {
        frame.body = await this.#exactly(length, false) ?? EMPTY;
      }
    } finally {
      stopTimer();
    }
  }

  #giveUp(why: string): void {
    this.#givenUp ??= why;
    this.#stream.close();
  }

  async #exactly(length: number, endAllowed: boolean): Promise<Uint8Array | null> {
    if (this.#chunk.length === 0 && !await this.#fill()) {
      if (endAllowed) return null;
      throw truncated(length, 0);
    }
    if (this.#chunk.length >= length) return this.#take(length);
    let whole: Uint8Array = EMPTY;
    let filled = 0;
    while (true) {
      const part = this.#take(Math.min(length - filled, this.#chunk.length));
      if (filled + part.length > whole.length) {
        const wanted = Math.max(filled + part.length, 2 * whole.length, FIRST_PIECE_BYTES);
        whole = this.#grow(whole, Math.min(length, wanted));
      }
      whole.set(part, filled);
      filled += part.length;
      if (filled === length) return whole;
      if (!await this.#fill()) throw truncated(length, filled);
    }
  }

  #grow(bytes: Uint8Array, length: number): Uint8Array {
    this.#limits.budget?.take(this.#holder, length - bytes.length);
    const grown = new Uint8Array(length);
    grown.set(bytes);
    return grown;
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
