import { CappedLog } from "./capped_log.ts";

/** A guest that prints without end costs at most this much of the host's time; it waits for the rest. */
const MAX_BYTES_PER_SECOND = 4 * 1024 * 1024;
const WINDOW_MS = 100;

/** What is kept of a console: this many bytes twice (the log and the one before). */
const LOG_BYTES = 1024 * 1024;

/**
 * Copies what a guest prints from the VMM's console socket into a capped log.
 *
 * The VMM holds the listening socket, so output goes on (unread) while no driver runs, and a new driver connects
 * again.
 */
export class ConsolePump {
  readonly #conn: Deno.UnixConn;
  readonly #log: CappedLog;
  /** Settles when the VMM has closed its end and everything is in the log. */
  readonly drained: Promise<void>;

  private constructor(conn: Deno.UnixConn, log: CappedLog) {
    this.#conn = conn;
    this.#log = log;
    this.drained = this.#run();
  }

  /** @throws where nobody listens at `socketPath` */
  static async connect(socketPath: string, logPath: string): Promise<ConsolePump> {
    return ConsolePump.over(await Deno.connect({ transport: "unix", path: socketPath }), logPath);
  }

  /** Copies from an open connection, which the pump closes from then on, also where this fails. */
  static over(conn: Deno.UnixConn, logPath: string): ConsolePump {
    try {
      return new ConsolePump(conn, new CappedLog(logPath, LOG_BYTES));
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  /** Ends the copying. May be repeated. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed by the loop.
    }
  }

  async #run(): Promise<void> {
    const buffer = new Uint8Array(16 * 1024);
    let windowEnd = 0;
    let budget = 0;
    try {
      while (true) {
        const count = await this.#conn.read(buffer);
        if (count === null) return;
        this.#log.write(buffer.subarray(0, count));
        const now = performance.now();
        if (now >= windowEnd) {
          windowEnd = now + WINDOW_MS;
          budget = MAX_BYTES_PER_SECOND * WINDOW_MS / 1000;
        }
        budget -= count;
        if (budget < 0) await new Promise((resolve) => setTimeout(resolve, windowEnd - now));
      }
    } catch {
      // The connection was reset or closed: the end, like any other.
    } finally {
      this.close();
      this.#log.close();
    }
  }
}
