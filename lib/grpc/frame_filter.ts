import { Buffer } from "node:buffer";

/** Type of the HTTP/2 frame that announces the end of a connection (RFC 9113, 6.8). */
export const GOAWAY = 7;

/** Type of the frame that tells an end's settings, and of its confirmation by the other end (RFC 9113, 6.5). */
const SETTINGS = 4;
const ACK = 1;

/** Whether the frames of a connection are dropped, asked for each of them in order. */
export type Drops = (type: number, flags: number) => boolean;

/** Drops every GOAWAY. */
export const goaways: Drops = (type) => type === GOAWAY;

/** Drops the first confirmation of settings, which is for those that somebody else has sent on the connection. */
export function firstConfirmation(): Drops {
  let seen = false;
  return (type, flags) => {
    if (seen || type !== SETTINGS || (flags & ACK) === 0) return false;
    seen = true;
    return true;
  };
}

/** Length of what a client sends before its first frame (RFC 9113, 3.4). */
export const PREFACE_BYTES = 24;

/** 24 bits of length, then type, flags and stream id (RFC 9113, 4.1). */
const HEADER_BYTES = 9;

/**
 * Takes frames out of one direction of an HTTP/2 connection. Payloads are passed on as they come:
 * nothing but the start of a header is ever kept, however large a frame says it is.
 */
export class FrameFilter {
  readonly #drops: Drops;
  #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  /** Bytes of the preface or of the current payload that are still to come. */
  #remaining: number;
  #dropping = false;

  /**
   * @param skip bytes before the first frame, which are passed
   */
  constructor(drops: Drops, skip: number) {
    this.#drops = drops;
    this.#remaining = skip;
  }

  /** What remains of the next bytes of the connection. */
  pass(chunk: Buffer): Buffer {
    const kept: Buffer[] = [];
    for (let at = 0; at < chunk.length;) {
      if (this.#remaining > 0) {
        const end = Math.min(chunk.length, at + this.#remaining);
        if (!this.#dropping) kept.push(chunk.subarray(at, end));
        this.#remaining -= end - at;
        at = end;
      } else {
        at += this.#readHeader(chunk.subarray(at), kept);
      }
    }
    return kept.length === 1 ? kept[0]! : Buffer.concat(kept);
  }

  #readHeader(chunk: Buffer, kept: Buffer[]): number {
    const length = Math.min(chunk.length, HEADER_BYTES - this.#headerLength);
    chunk.copy(this.#header, this.#headerLength, 0, length);
    this.#headerLength += length;
    if (this.#headerLength === HEADER_BYTES) {
      this.#headerLength = 0;
      this.#remaining = this.#header.readUIntBE(0, 3);
      this.#dropping = this.#drops(this.#header[3]!, this.#header[4]!);
      if (!this.#dropping) kept.push(Buffer.from(this.#header));
    }
    return length;
  }
}
