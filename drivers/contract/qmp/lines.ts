import { KuasarError } from "../../../lib/errors/mod.ts";

/** No answer to a command of ours comes near this; a longer line means that the peer is not QMP. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

const NEWLINE = 10;

/**
 * Cuts the byte stream of a QMP monitor into JSON objects, one per line (CRLF or LF), however the stream
 * was split into reads.
 */
export class QmpLines {
  #parts: Uint8Array[] = [];
  #held = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });

  /**
   * Takes the bytes of one read and returns the objects that are now complete.
   *
   * @throws {KuasarError} DATA_LOSS for a line that is too long or holds no JSON object
   */
  push(chunk: Uint8Array): Record<string, unknown>[] {
    const found: Record<string, unknown>[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const line = this.#take(chunk.subarray(from, at));
      if (line !== undefined) found.push(line);
      from = at + 1;
    }
    this.#hold(chunk.subarray(from));
    return found;
  }

  #hold(rest: Uint8Array): void {
    if (rest.length === 0) return;
    this.#held += rest.length;
    if (this.#held > MAX_LINE_BYTES) {
      throw new KuasarError("DATA_LOSS", `Cannot read QMP: a line exceeds ${MAX_LINE_BYTES} bytes`);
    }
    this.#parts.push(rest.slice());
  }

  #take(end: Uint8Array): Record<string, unknown> | undefined {
    this.#hold(end);
    const bytes = new Uint8Array(this.#held);
    let offset = 0;
    for (const part of this.#parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    this.#parts = [];
    this.#held = 0;
    let value: unknown;
    try {
      const text = this.#decoder.decode(bytes).trim();
      if (text === "") return undefined;
      value = JSON.parse(text);
    } catch (cause) {
      throw new KuasarError("DATA_LOSS", "Cannot read QMP: a line is not JSON", { cause });
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new KuasarError("DATA_LOSS", "Cannot read QMP: a line is not a JSON object");
    }
    return value as Record<string, unknown>;
  }
}
