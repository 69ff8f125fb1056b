import { CappedLog } from "./capped_log.ts";
import { openPipe } from "./named_pipe.ts";

/** A guest that prints without end costs at most this much of the host's time; it waits for the rest. */
const MAX_BYTES_PER_SECOND = 4 * 1024 * 1024;
const WINDOW_MS = 100;

/** What is kept of a console: this many bytes twice (the log and the one before). */
const LOG_BYTES = 1024 * 1024;

/** What a console is read from. */
interface ConsoleSource {
  /** The next bytes; an end without an error where the VMM has closed its end. */
  chunks: AsyncIterable<Uint8Array>;
  close(): void;
}

/**
 * Copies what a guest prints from the VMM's console socket, or the named pipe that it writes to, into a capped log.
 *
 * The VMM holds the listening socket or the pipe, so output goes on (unread) while no driver runs, and a new driver connects
 * again.
 */
export class ConsolePump {
  readonly #source: ConsoleSource;
  readonly #log: CappedLog;
  /** Settles when the VMM has closed its end and everything is in the log. */
  readonly drained: Promise<void>;

  private constructor(source: ConsoleSource, log: CappedLog) {
    this.#source = source;
    this.#log = log;
    this.drained = this.#run();
  }

  /**
   * @param path of a socket or a named pipe
   * @throws where neither is there, or nobody listens
   */
  static async connect(path: string, logPath: string): Promise<ConsolePump> {
    if ((await Deno.stat(path)).isFifo) return ConsolePump.#from(pipeSource(path), logPath);
    return ConsolePump.over(await Deno.connect({ transport: "unix", path }), logPath);
  }

  /** Copies from an open connection, which the pump closes from then on, also where this fails. */
  static over(conn: Deno.UnixConn, logPath: string): ConsolePump {
    return ConsolePump.#from(socketSource(conn), logPath);
  }

  static #from(source: ConsoleSource, logPath: string): ConsolePump {
    try {
      return new ConsolePump(source, new CappedLog(logPath, LOG_BYTES));
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** Ends the copying. May be repeated. */
  close(): void {
    this.#source.close();
  }

  async #run(): Promise<void> {
    let windowEnd = 0;
    let budget = 0;
    try {
      for await (const chunk of this.#source.chunks) {
        this.#log.write(chunk);
        const now = performance.now();
        if (now >= windowEnd) {
          windowEnd = now + WINDOW_MS;
          budget = MAX_BYTES_PER_SECOND * WINDOW_MS / 1000;
        }
        budget -= chunk.length;
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

function socketSource(conn: Deno.UnixConn): ConsoleSource {
  return {
    chunks: readAll(conn),
    close: () => {
      try {
        conn.close();
      } catch {
        // Closed by the loop.
      }
    },
  };
}

async function* readAll(conn: Deno.UnixConn): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(16 * 1024);
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    yield buffer.subarray(0, count);
  }
}

function pipeSource(path: string): ConsoleSource {
  const socket = openPipe(path);
  return { chunks: socket, close: () => void socket.destroy() };
}
