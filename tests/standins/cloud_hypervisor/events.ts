import { OPEN, openFd, writeFd } from "../../../lib/libc/mod.ts";

/** Writes what happens to the event monitor: pretty JSON, an empty line after each; a slow reader loses events. */
export class EventMonitor {
  readonly #fd: number | undefined;
  readonly #began = performance.now();

  /** @param target undefined for no monitor */
  constructor(target: { fd: number } | { path: string } | undefined) {
    if (target === undefined) return;
    const NONBLOCK = 0o4000;
    this.#fd = openFd(
      "fd" in target ? `/proc/self/fd/${target.fd}` : target.path,
      OPEN.WRONLY | OPEN.CREAT | OPEN.APPEND | NONBLOCK,
    );
  }

  /** Tells one event. */
  emit(source: string, event: string, properties: Record<string, string> | null = null): void {
    if (this.#fd === undefined) return;
    const passed = performance.now() - this.#began;
    const timestamp = { secs: Math.floor(passed / 1000), nanos: Math.floor((passed % 1000) * 1e6) };
    const text = JSON.stringify({ timestamp, source, event, properties }, null, 2) + "\n\n";
    try {
      writeFd(this.#fd, new TextEncoder().encode(text));
    } catch {
      // Nobody reads, or not fast enough: the real one drops events as well.
    }
  }
}
