/**
 * Finds the marker with the exit code in the output of the debug console, which has no other way to tell it.
 *
 * Output is passed on as it comes, except for a tail that may be the beginning of the marker.
 */
export class ExitMarker {
  readonly #prefix: Uint8Array;
  #held = new Uint8Array();

  /** @param token unlikely to appear in the output by chance */
  constructor(token: string) {
    this.#prefix = new TextEncoder().encode(`__KSR_EXIT__:${token}:`);
  }

  /** Takes output; returns what may be passed on, and the exit code once the whole marker is there. */
  push(bytes: Uint8Array): { output: Uint8Array; exitCode?: number } {
    const all = concat(this.#held, bytes);
    const at = indexOf(all, this.#prefix);
    if (at < 0) {
      const keep = overlap(all, this.#prefix);
      this.#held = all.slice(all.length - keep);
      return { output: all.subarray(0, all.length - keep) };
    }
    const code = /^(\d{1,3})__/.exec(new TextDecoder().decode(all.subarray(at + this.#prefix.length)));
    this.#held = all.slice(at);
    return { output: all.subarray(0, at), ...(code && { exitCode: Number(code[1]) }) };
  }

  /** What is still held back when the stream ends without a marker. */
  flush(): Uint8Array {
    const held = this.#held;
    this.#held = new Uint8Array();
    return held;
  }
}

/** Drops what the console writes before the command's own output begins. */
export class BeginMarker {
  readonly #marker: Uint8Array;
  #held = new Uint8Array();
  #begun = false;

  /** @param token the same as that of the `ExitMarker` */
  constructor(token: string) {
    this.#marker = new TextEncoder().encode(`__KSR_BEGIN__:${token}__`);
  }

  /** Takes output; returns what comes behind the marker. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#begun) return bytes;
    const all = concat(this.#held, bytes);
    const at = indexOf(all, this.#marker);
    this.#begun = at >= 0;
    if (this.#begun) return all.subarray(at + this.#marker.length);
    this.#held = all.slice(all.length - overlap(all, this.#marker));
    return new Uint8Array();
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  outer: for (let i = 0; i + part.length <= bytes.length; i++) {
    for (let j = 0; j < part.length; j++) if (bytes[i + j] !== part[j]) continue outer;
    return i;
  }
  return -1;
}

/** How many bytes at the end of `bytes` could be the beginning of `part`. */
function overlap(bytes: Uint8Array, part: Uint8Array): number {
  for (let n = Math.min(part.length - 1, bytes.length); n > 0; n--) {
    if (indexOf(bytes.subarray(bytes.length - n), part.subarray(0, n)) === 0) return n;
  }
  return 0;
}
