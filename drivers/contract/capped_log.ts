/**
 * A log file that a guest can fill but not make large: when it has reached its limit it becomes `<path>.1`
 * (taking the place of the one before) and a new one begins.
 */
export class CappedLog {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: Deno.FsFile;
  #size: number;

  /** Opens `path` for appending; a log that is there already goes on. At most `2 * maxBytes` are kept. */
  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#file = open(path);
    this.#size = this.#file.statSync().size;
  }

  /** Appends `bytes`, as far as the disk has room. Synchronous: the file is in the page cache or in tmpfs. */
  write(bytes: Uint8Array): void {
    try {
      this.#append(bytes);
    } catch (error) {
      // A log that is not whole is better than one that has ended, with the console behind it.
      if ((error as { code?: string }).code !== "ENOSPC") throw error;
    }
  }

  #append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#size >= this.#maxBytes) this.#rotate();
      const count = this.#file.writeSync(bytes.subarray(at, at + this.#maxBytes - this.#size));
      at += count;
      this.#size += count;
    }
  }

  /** May be repeated. */
  close(): void {
    try {
      this.#file.close();
    } catch {
      // Closed before.
    }
  }

  #rotate(): void {
    this.#file.close();
    Deno.renameSync(this.#path, `${this.#path}.1`);
    this.#file = open(this.#path);
    this.#size = 0;
  }
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { create: true, append: true, mode: 0o600 });
}
