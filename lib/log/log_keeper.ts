/** How often the logs are looked at. Whoever writes in between is bounded by its own speed. */
const EVERY_MS = 5_000;

/** A log that has grown beyond this is cut. */
const MAX_BYTES = 1024 * 1024;

/** What is kept of it: its end. */
const KEPT_BYTES = 64 * 1024;

const CUT_MARK = "[earlier lines were dropped]\n";

/**
 * Keeps the logs of programs small that write into a file themselves, opened for appending: a VMM or virtiofsd, which a
 * guest may make talk without end.
 *
 * The sizes are looked at from time to time, and not by inotify, where each line of a guest would cost us an event.
 */
export class LogKeeper {
  readonly #paths = new Set<string>();
  readonly #everyMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(everyMs = EVERY_MS) {
    this.#everyMs = everyMs;
  }

  /** Looks after a log from now on. */
  keep(path: string): void {
    this.#paths.add(path);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.trim(), this.#everyMs);
    Deno.unrefTimer(this.#timer);
  }

  /** Stops looking after it. May be repeated. */
  release(path: string): void {
    this.#paths.delete(path);
    if (this.#paths.size === 0) this.close();
  }

  /** Cuts every log that has grown too large. */
  trim(): void {
    for (const path of this.#paths) trimLog(path);
  }

  /** Ends the watching. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function trimLog(path: string): void {
  try {
    const { size } = Deno.statSync(path);
    if (size <= MAX_BYTES) return;
    using file = Deno.openSync(path, { read: true, append: true });
    file.seekSync(size - KEPT_BYTES, Deno.SeekMode.Start);
    const kept = new Uint8Array(KEPT_BYTES);
    const count = file.readSync(kept) ?? 0;
    // The writer's descriptor appends too, so that it goes on behind what is put back.
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(CUT_MARK));
    file.writeSync(kept.subarray(kept.indexOf(0x0a) + 1, count));
  } catch (error) {
    // It is removed with its sandbox; anything else is met again by whoever reads it.
    if (!(error instanceof Deno.errors.NotFound)) {
      console.error(`Cannot trim ${path}: ${(error as Error).message}`);
    }
  }
}
