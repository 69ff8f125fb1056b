/** Limits of micro_http. */
export const MAX_LINE_BYTES = 1024;
export const MAX_BODY_BYTES = 51_200;
const MAX_HEADERS = 64;

/** One request as it came over a connection. */
export interface HttpRequest {
  method: string;
  /** With the query string, which this server does not cut off. */
  path: string;
  /** undefined where there was none. */
  body: string | undefined;
}

/** A connection whose bytes are no request. */
export class MalformedRequest extends Error {}

const CR = 13;
const LF = 10;

/** Cuts what arrives on one connection into requests, with the limits and habits of the real server. */
export class HttpRequests {
  #bytes = new Uint8Array(0);

  /** Takes bytes that have arrived. */
  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
  }

  /**
   * The next complete request; undefined as long as bytes are missing.
   *
   * @throws {MalformedRequest}
   */
  next(): HttpRequest | undefined {
    const lines: string[] = [];
    let at = 0;
    while (true) {
      const end = this.#lineEnd(at);
      if (end === undefined) return undefined;
      if (end === at) break;
      lines.push(new TextDecoder().decode(this.#bytes.subarray(at, end)));
      if (lines.length > MAX_HEADERS) throw new MalformedRequest("too many header lines");
      at = end + 2;
    }
    const bodyAt = at + 2;
    const [first, ...headers] = lines;
    const [, method, path] = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]$/.exec(first ?? "") ?? [];
    if (method === undefined || path === undefined) throw new MalformedRequest("Invalid HTTP Method or URI");
    if (!["GET", "PUT", "PATCH", "DELETE"].includes(method)) {
      throw new MalformedRequest("Invalid HTTP Method");
    }
    const length = bodyLength(headers);
    if (this.#bytes.length < bodyAt + length) return undefined;
    const body = this.#bytes.slice(bodyAt, bodyAt + length);
    this.#bytes = this.#bytes.slice(bodyAt + length);
    return { method, path, body: length === 0 ? undefined : new TextDecoder().decode(body) };
  }

  /** True where bytes wait that are no whole request. */
  get incomplete(): boolean {
    return this.#bytes.length > 0;
  }

  #lineEnd(from: number): number | undefined {
    const lf = this.#bytes.indexOf(LF, from);
    if ((lf < 0 ? this.#bytes.length : lf) - from > MAX_LINE_BYTES) {
      throw new MalformedRequest("a line is too long");
    }
    if (lf < 0) return undefined;
    if (lf === from || this.#bytes[lf - 1] !== CR) {
      throw new MalformedRequest("a line does not end in CRLF");
    }
    return lf - 1;
  }
}

function bodyLength(headers: readonly string[]): number {
  let length = 0;
  for (const line of headers) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new MalformedRequest("Invalid header");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "transfer-encoding") throw new MalformedRequest("chunked bodies are not decoded");
    if (name !== "content-length") continue;
    if (!/^\d+$/.test(value)) throw new MalformedRequest("Invalid Content-Length");
    length = Number(value);
    if (length > MAX_BODY_BYTES) throw new MalformedRequest("the body is too long");
  }
  return length;
}
