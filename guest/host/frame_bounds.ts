import { HEADER_BYTES } from "../../lib/ttrpc/mod.ts";

/** Follows a byte stream of ttrpc frames and knows where they end. */
export class FrameBounds {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #filled = 0;
  #body = 0;

  /** The next bytes. @returns whether a frame ends with the last of them */
  push(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length;) {
      if (this.#body > 0) {
        const count = Math.min(this.#body, bytes.length - at);
        this.#body -= count;
        at += count;
        continue;
      }
      this.#header[this.#filled++] = bytes[at++]!;
      if (this.#filled < HEADER_BYTES) continue;
      this.#filled = 0;
      this.#body = new DataView(this.#header.buffer).getUint32(0);
    }
    return this.#filled === 0 && this.#body === 0;
  }
}
