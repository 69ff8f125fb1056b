/** Line numbers, from 1, of the keys of a TOML file by their path as JSON: `["hypervisor","vcpus"]`. */
export type KeyLines = ReadonlyMap<string, number>;

/** The line of a key, or of the nearest table around it when it stands in an inline table. */
export function lineOf(lines: KeyLines, path: readonly string[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(JSON.stringify(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return undefined;
}

/**
 * Finds the line of every key and table header of a TOML file that has already been parsed without an error.
 *
 * The parser in use keeps no positions. Values are skipped by their quotes and brackets only, which is enough in
 * a file whose syntax is right.
 */
export function findKeyLines(source: string): KeyLines {
  return new Scanner(source).scan();
}

class Scanner {
  readonly #source: string;
  readonly #lines = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  scan(): KeyLines {
    let table: string[] = [];
    while (this.#skipBlank()) {
      const line = this.#line;
      if (this.#peek() === "[") {
        const isArray = this.#source.startsWith("[[", this.#at);
        this.#at += isArray ? 2 : 1;
        table = this.#keyPath("]");
        this.#at += isArray ? 2 : 1;
        this.#note(table, line);
      } else {
        const path = this.#keyPath("=");
        this.#at++;
        this.#note([...table, ...path], line);
        this.#skipValue();
      }
    }
    return this.#lines;
  }

  #note(path: string[], line: number): void {
    for (let length = 1; length <= path.length; length++) {
      const key = JSON.stringify(path.slice(0, length));
      if (!this.#lines.has(key)) this.#lines.set(key, line);
    }
  }

  #peek(): string {
    return this.#source.charAt(this.#at);
  }

  #advance(count = 1): void {
    for (let index = 0; index < count; index++) {
      if (this.#peek() === "\n") this.#line++;
      this.#at++;
    }
  }

  /** Goes to the next key or header; false at the end. */
  #skipBlank(): boolean {
    for (; this.#at < this.#source.length; this.#advance()) {
      if (this.#peek() === "#") this.#skipComment();
      else if (!/\s/.test(this.#peek())) return true;
    }
    return false;
  }

  #skipComment(): void {
    while (this.#at < this.#source.length && this.#source.charAt(this.#at + 1) !== "\n") this.#at++;
  }

  /** Reads `a."b c".d` up to `end`. */
  #keyPath(end: string): string[] {
    const path: string[] = [];
    let bare = "";
    while (this.#at < this.#source.length && this.#peek() !== end) {
      const char = this.#peek();
      if (char === '"' || char === "'") {
        const start = this.#at;
        this.#skipString();
        const raw = this.#source.slice(start, this.#at);
        path.push(char === '"' ? unquote(raw) : raw.slice(1, -1));
      } else if (/[A-Za-z0-9_-]/.test(char)) {
        bare += char;
        this.#advance();
        if (!/[A-Za-z0-9_-]/.test(this.#peek())) {
          path.push(bare);
          bare = "";
        }
      } else this.#advance();
    }
    return path;
  }

  /** Skips a value up to the end of its line; arrays and multi-line strings may span lines. */
  #skipValue(): void {
    let depth = 0;
    while (this.#at < this.#source.length) {
      const char = this.#peek();
      if (char === '"' || char === "'") {
        this.#skipString();
        continue;
      }
      if (char === "#") this.#skipComment();
      else if (char === "[" || char === "{") depth++;
      else if (char === "]" || char === "}") depth--;
      else if (char === "\n" && depth <= 0) return;
      this.#advance();
    }
  }

  #skipString(): void {
    const quote = this.#peek();
    const isMultiLine = this.#source.startsWith(quote.repeat(3), this.#at);
    const end = isMultiLine ? quote.repeat(3) : quote;
    this.#advance(end.length);
    while (this.#at < this.#source.length && !this.#source.startsWith(end, this.#at)) {
      this.#advance(quote === '"' && this.#peek() === "\\" ? 2 : 1);
    }
    this.#advance(end.length);
    // A multi-line string may end in up to two quotes of its own.
    for (let extra = 0; isMultiLine && extra < 2 && this.#peek() === quote; extra++) this.#advance();
  }
}

function unquote(raw: string): string {
  try {
    return JSON.parse(raw);
  } catch {
    return raw.slice(1, -1); // an escape that JSON does not have, \U or \e; only the message suffers
  }
}
