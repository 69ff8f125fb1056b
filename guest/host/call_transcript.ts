import {
  type CallLog,
  type ConnectionState,
  encodeHeader,
  FRAME_TYPE,
  HEADER_BYTES,
} from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";

/** A longer file is written anew, with what is still open. */
const MAX_FILE_BYTES = 64 << 10;
/** Of a file that is read: the above and the longest message. */
const MAX_READ_BYTES = 8 << 20;

const NOTHING = new Uint8Array(0);

/**
 * Reads a transcript: frames as on the wire, requests as they came and answers without their bodies. A last one that is not
 * whole was never acted upon.
 */
export function readTranscript(bytes: Uint8Array): ConnectionState {
  const open = new Map<number, Uint8Array>();
  let lastStreamId = 0;
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
    const [length, streamId, type] = [view.getUint32(0), view.getUint32(4), view.getUint8(8)];
    at += HEADER_BYTES;
    if (at + length > bytes.length) break;
    lastStreamId = Math.max(lastStreamId, streamId);
    if (type === FRAME_TYPE.request) open.set(streamId, bytes.subarray(at, at + length));
    else open.delete(streamId);
    at += length;
  }
  return { lastStreamId, open: [...open].map(([streamId, body]) => ({ streamId, body })) };
}

/** The open calls of one connection, in a file that a killed server leaves to the next one. */
export class CallTranscript implements CallLog {
  readonly #path: string;
  readonly #open: Map<number, Uint8Array>;
  #lastStreamId: number;
  #fd = -1;
  #size = 0;

  /** @param state of an earlier server's connection */
  constructor(path: string, state?: ConnectionState) {
    this.#path = path;
    this.#open = new Map(state?.open.map(({ streamId, body }) => [streamId, body]));
    this.#lastStreamId = state?.lastStreamId ?? 0;
    this.#rewrite();
  }

  /** What a file says; undefined where it cannot be read. */
  static load(path: string): ConnectionState | undefined {
    try {
      return readTranscript(sys.readFile(path, MAX_READ_BYTES));
    } catch {
      return undefined;
    }
  }

  begin(streamId: number, body: Uint8Array): void {
    this.#lastStreamId = Math.max(this.#lastStreamId, streamId);
    this.#open.set(streamId, body);
    this.#append(streamId, FRAME_TYPE.request, body);
  }

  end(streamId: number): void {
    if (!this.#open.delete(streamId)) return;
    this.#append(streamId, FRAME_TYPE.response, NOTHING);
    if (this.#size > MAX_FILE_BYTES) this.#rewrite();
  }

  /** The connection is over. */
  remove(): void {
    if (this.#fd < 0) return;
    sys.close(this.#fd);
    this.#fd = -1;
    sys.unlink(this.#path);
  }

  #append(streamId: number, type: number, body: Uint8Array): void {
    if (this.#fd < 0) return;
    const bytes = new Uint8Array(HEADER_BYTES + body.length);
    bytes.set(encodeHeader(body.length, streamId, type, 0));
    bytes.set(body, HEADER_BYTES);
    sys.write(this.#fd, bytes);
    this.#size += bytes.length;
  }

  /** Writes the file anew; it is whole at every moment. */
  #rewrite(): void {
    if (this.#fd >= 0) sys.close(this.#fd);
    const path = `${this.#path}.new`;
    this.#fd = sys.open(path, sys.O.WRONLY | sys.O.CREAT | sys.O.TRUNC | sys.O.APPEND, 0o600);
    this.#size = 0;
    this.#append(this.#lastStreamId, FRAME_TYPE.response, NOTHING);
    for (const [streamId, body] of this.#open) this.#append(streamId, FRAME_TYPE.request, body);
    sys.rename(path, this.#path);
  }
}
