import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { READINESS_PORT } from "./sandbox_paths.ts";

/** The message is one short line; the guest is not trusted to keep to that. */
export const MAX_READY_BYTES = 4096;

/** How long a guest may take between connecting and the end of its line. */
const LINE_TIMEOUT_MS = 5_000;

/** A wait for the guest's `READY <json>\n`, begun before the VMM is started. */
export interface Readiness {
  /** The JSON object of the message; fails with DATA_LOSS for anything else and CANCELLED after `close`. */
  readonly ready: Promise<Record<string, unknown>>;
  /** Ends the wait and takes the listener away. May be repeated. */
  close(): void;
}

/**
 * Listens where hybrid vsock delivers what the guest sends to the readiness port.
 *
 * @param path `<vsock socket>_1027`
 * @throws {KuasarError} INTERNAL where the socket cannot be made
 */
export function listenHybrid(path: string): Readiness {
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path });
    Deno.chmodSync(path, 0o600);
  } catch (error) {
    throw asKuasarError(error, `Cannot listen for the guest at ${path}`);
  }
  return waitFor(async () => await listener.accept(), () => {
    listener.close();
    removeIfThere(path);
  });
}

type GuestConn = Pick<Deno.Conn, "read" | "close">;

function waitFor(accept: () => Promise<GuestConn>, stop: () => void): Readiness {
  const result = Promise.withResolvers<Record<string, unknown>>();
  result.promise.catch(() => {});
  let conn: GuestConn | undefined;
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    result.reject(new KuasarError("CANCELLED", "Cannot wait for the guest any longer: the wait was ended"));
    if (conn) closeQuietly(conn);
    stop();
  };
  void (async () => {
    try {
      conn = await accept();
      const timer = setTimeout(() => {
        result.reject(
          new KuasarError("DATA_LOSS", "Cannot read the guest's readiness message: the line did not end"),
        );
        close();
      }, LINE_TIMEOUT_MS);
      try {
        result.resolve(parseReady(await readLine(conn)));
      } finally {
        clearTimeout(timer);
      }
    } catch (error) {
      result.reject(asKuasarError(error, "Cannot hear from the guest"));
    } finally {
      close();
    }
  })();
  return { ready: result.promise, close };
}

async function readLine(conn: GuestConn): Promise<string> {
  const buffer = new Uint8Array(MAX_READY_BYTES);
  let length = 0;
  while (length < buffer.length) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) break;
    const end = buffer.subarray(0, length + count).indexOf(10, length);
    if (end >= 0) return new TextDecoder().decode(buffer.subarray(0, end));
    length += count;
  }
  throw new KuasarError(
    "DATA_LOSS",
    `Cannot read the guest's readiness message: no line end within ${length} bytes`,
  );
}

/**
 * Reads `READY <json object>`.
 *
 * @throws {KuasarError} DATA_LOSS
 */
export function parseReady(line: string): Record<string, unknown> {
  const [, text] = /^READY (\{.*\})\s*$/.exec(line) ?? [];
  try {
    if (text !== undefined) return JSON.parse(text);
  } catch {
    // Told below.
  }
  throw new KuasarError("DATA_LOSS", "Cannot read the guest's readiness message: it is not READY {...}", {
    evidence: [JSON.stringify(line.slice(0, 200))],
  });
}

/**
 * Listens on the host's kernel vsock for the readiness of several guests, told apart by their CIDs.
 *
 * The port is one per host, so the socket is open only while some guest is awaited.
 */
export class KernelVsockReadiness {
  readonly #waiting = new Map<number, PromiseWithResolvers<GuestConn>>();
  #listener: Deno.VsockListener | undefined;

  /** @throws {KuasarError} UNAVAILABLE where another process holds the port or the host has no vsock */
  listen(cid: number): Readiness {
    this.#listener ??= this.#open();
    const arrival = Promise.withResolvers<GuestConn>();
    arrival.promise.catch(() => {});
    this.#waiting.set(cid, arrival);
    return waitFor(() => arrival.promise, () => {
      arrival.reject(new KuasarError("CANCELLED", "the wait was ended"));
      this.#waiting.delete(cid);
      if (this.#waiting.size > 0) return;
      this.#listener?.close();
      this.#listener = undefined;
    });
  }

  #open(): Deno.VsockListener {
    let listener: Deno.VsockListener;
    try {
      // VMADDR_CID_ANY.
      listener = Deno.listen({ transport: "vsock", cid: 0xffffffff, port: READINESS_PORT });
    } catch (cause) {
      const reason = asKuasarError(cause).message;
      throw new KuasarError("UNAVAILABLE", `Cannot listen on vsock port ${READINESS_PORT}: ${reason}`, {
        cause,
      });
    }
    void (async () => {
      try {
        for await (const conn of listener) {
          const arrival = this.#waiting.get(conn.remoteAddr.cid);
          if (arrival) arrival.resolve(conn);
          else closeQuietly(conn);
        }
      } catch (error) {
        for (const arrival of this.#waiting.values()) arrival.reject(error);
      }
    })();
    return listener;
  }
}

function closeQuietly(conn: GuestConn): void {
  try {
    conn.close();
  } catch {
    // Closed before.
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
