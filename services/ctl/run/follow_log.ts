import { closeFd, OPEN, openFd, punchHole } from "../../../lib/libc/mod.ts";
import { CriLog, type Piece } from "./cri_log.ts";

const PIECE_BYTES = 64 << 10;

/** What has been read is given back to the file system in pieces of this size: nobody else reads it. */
const FREED_BYTES = 1 << 20;

/** For the last lines after the container's end: until the log is closed, and where the kernel does not tell of that. */
const CLOSE_TIMEOUT_MS = 10_000, BLIND_TIMEOUT_MS = 1_000;

/**
 * The log of one container, a file of our own that containerd appends to. It keeps no room: what was read is punched out
 * of it (fallocate(2)).
 */
export class FollowedLog {
  readonly #path: string;
  readonly #fd: number;
  readonly #file: Deno.FsFile;
  readonly #log = new CriLog();
  readonly #watcher: Deno.FsWatcher | undefined;
  #changed = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #at = 0;
  #freed = 0;

  /** Makes the file. */
  constructor(path: string) {
    this.#path = path;
    this.#file = Deno.openSync(path, { createNew: true, read: true, write: true, mode: 0o600 });
    this.#fd = openFd(path, OPEN.RDWR);
    try {
      this.#watcher = Deno.watchFs(path, { recursive: false });
      void this.#watch(this.#watcher);
    } catch {
      // Others have taken all inotify instances of the user (lib/files/watch_path.ts): it is looked at now and then.
    }
  }

  async #watch(watcher: Deno.FsWatcher): Promise<void> {
    for await (const { kind } of watcher) {
      // The kernel tells of no other access of a file that is written: it was closed.
      if (kind === "access") this.#closed.resolve();
      this.#wake();
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** What was written since the last call. */
  async read(): Promise<Piece[]> {
    const pieces: Piece[] = [];
    const buffer = new Uint8Array(PIECE_BYTES);
    const n = await this.#file.read(buffer);
    if (n === null) return pieces;
    this.#at += n;
    if (this.#at - this.#freed >= FREED_BYTES) {
      punchHole(this.#fd, this.#freed, this.#at - this.#freed);
      this.#freed = this.#at;
    }
    return this.#log.push(buffer.subarray(0, n));
  }

  /**
   * All output, as it comes, until the last line after the container has ended.
   *
   * @param ended resolves when no more is written but what is under way
   */
  async *follow(ended: Promise<unknown>): AsyncGenerator<Piece> {
    let over = false;
    const timeoutMs = this.#watcher === undefined ? BLIND_TIMEOUT_MS : CLOSE_TIMEOUT_MS;
    const last = Promise.race([
      ended.then(() => this.#closed.promise),
      ended.then(() => new Promise<void>((resolve) => setTimeout(resolve, timeoutMs))),
    ]).then(() => over = true);
    while (true) {
      const { promise: changed } = this.#changed;
      const wasOver = over;
      const before = this.#at;
      yield* await this.read();
      if (this.#at > before) continue;
      if (wasOver) return;
      const look = this.#watcher === undefined ? [new Promise<void>((r) => setTimeout(r, 50))] : [];
      await Promise.race([changed, last, ...look]);
    }
  }

  /** Removes the file. */
  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.#file.close();
    closeFd(this.#fd);
    Deno.removeSync(this.#path);
  }
}
