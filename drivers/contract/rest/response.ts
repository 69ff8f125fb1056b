import { KuasarError } from "../../../lib/errors/mod.ts";

/** Answers of a VMM are a few KiB; `vm.info` of a VM with many devices is the longest. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_HEAD_BYTES = 16 * 1024;

/** One answer. */
export interface HttpResponse {
  status: number;
  body: string;
  /** True where the server closes the connection behind it. */
  last: boolean;
}

/** Cuts the bytes of a connection into answers, however they were split. */
export class HttpResponses {
  readonly #title: string;
  #bytes = new Uint8Array(0);

  /** @param title of the VMM in messages */
  constructor(title: string) {
    this.#title = title;
  }

  /**
   * Takes bytes that have arrived and returns the answers that are now complete.
   *
   * @throws {KuasarError} DATA_LOSS for what is no HTTP answer, or too long
   */
  push(chunk: Uint8Array): HttpResponse[] {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
    const found: HttpResponse[] = [];
    for (let next = this.#next(); next; next = this.#next()) found.push(next);
    return found;
  }

  #next(): HttpResponse | undefined {
    const headEnd = endOfHead(this.#bytes);
    if (headEnd === undefined) {
      if (this.#bytes.length > MAX_HEAD_BYTES) {
        throw this.#broken(`no end of the head in ${MAX_HEAD_BYTES} bytes`);
      }
      return undefined;
    }
    const [first = "", ...headers] = new TextDecoder().decode(this.#bytes.subarray(0, headEnd)).split("\r\n");
    // The reason phrase is empty.
    const [, code] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first) ?? [];
    if (code === undefined) throw this.#broken(`${JSON.stringify(first.slice(0, 80))} is no status line`);
    const length = contentLength(headers);
    if (typeof length === "string") throw this.#broken(`the body has ${length} bytes`);
    const bodyAt = headEnd + 4;
    if (this.#bytes.length < bodyAt + length) return undefined;
    const body = new TextDecoder().decode(this.#bytes.subarray(bodyAt, bodyAt + length));
    this.#bytes = this.#bytes.slice(bodyAt + length);
    return {
      status: Number(code),
      body,
      last: headers.some((line) => /^connection:\s*close\s*$/i.test(line)),
    };
  }

  #broken(reason: string): KuasarError {
    return new KuasarError("DATA_LOSS", `Cannot read an answer of ${this.#title}: ${reason}`);
  }
}

function endOfHead(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(13); at >= 0 && at + 3 < bytes.length; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return undefined;
}

/** The length of a body; what is said of it where that is no length. */
function contentLength(headers: readonly string[]): number | string {
  const line = headers.find((line) => /^content-length:/i.test(line));
  if (line === undefined) return 0;
  const value = line.slice(line.indexOf(":") + 1).trim();
  const length = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
  return length <= MAX_BODY_BYTES ? length : JSON.stringify(value.slice(0, 40));
}
