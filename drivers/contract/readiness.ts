import { asKuasarError, formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import { removeIfThere } from "../../lib/files/mod.ts";
import { secretLine } from "../../lib/vsock/mod.ts";

/** The message is one short line; the guest is not trusted to keep to that. */
export const MAX_READY_BYTES = 4096;

/**
 * How long a guest may take between connecting and the end of its line. The kernel connects for a guest that may not run again for
 * seconds, on a host that has more to do than it can; who uses all of this harms nobody, for the boot has a limit of its own.
 */
const LINE_TIMEOUT_MS = 60_000;

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

type GuestConn = Pick<Deno.Conn, "read" | "write" | "close">;

/** @param answer what the guest is told before it counts as ready */
function waitFor(accept: () => Promise<GuestConn>, stop: () => void, answer = ""): Readiness {
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
          new KuasarError(
            "DATA_LOSS",
            `Cannot read the guest's readiness message: it connected, and its line did not end within ${
              formatDuration(LINE_TIMEOUT_MS)
            }`,
          ),
        );
        close();
      }, LINE_TIMEOUT_MS);
      try {
        const report = parseReady(await readLine(conn));
        // Less than any socket has room for, so that it goes out whole.
        if (answer !== "") await conn.write(new TextEncoder().encode(answer));
        result.resolve(report);
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

/** A wait on the host's kernel vsock. */
export interface KernelReadiness extends Readiness {
  /** Where the guest has to connect to. */
  readonly port: number;
}

/** The listening socket of a {@link KernelVsockReadiness}, as far as it is used. */
type VsockListener = AsyncIterable<GuestConn & { readonly remoteAddr: { cid: number } }> & { close(): void };

/**
 * Where guests say READY on the host's kernel vsock: each driver process takes one that is free. The kernel keeps ports below 1024
 * for the host's root, so nobody else can wait there in our place, be it to hear a guest or to tell it a secret of theirs.
 */
const FIRST_PORT = 1023;
const LAST_PORT = 1008;

/**
 * Listens on the host's kernel vsock for the readiness of several guests, told apart by their CIDs, and tells each its secret.
 *
 * The socket is open only while some guest is awaited.
 */
export class KernelVsockReadiness {
  readonly #listen: (port: number) => VsockListener;
  readonly #waiting = new Map<number, PromiseWithResolvers<GuestConn>>();
  #open: { listener: VsockListener; port: number } | undefined;

  /** @param listen makes the listening socket */
  constructor(listen = listenVsock) {
    this.#listen = listen;
  }

  /**
   * @param secret what the guest is answered
   * @throws {KuasarError} RESOURCE_EXHAUSTED where other processes hold all ports, or why the host offers none
   */
  listen(cid: number, secret: string): KernelReadiness {
    const { port } = this.#open ??= this.#start();
    const arrival = Promise.withResolvers<GuestConn>();
    arrival.promise.catch(() => {});
    this.#waiting.set(cid, arrival);
    const stop = () => {
      arrival.reject(new KuasarError("CANCELLED", "the wait was ended"));
      this.#waiting.delete(cid);
      if (this.#waiting.size > 0) return;
      this.#open?.listener.close();
      this.#open = undefined;
    };
    return { port, ...waitFor(() => arrival.promise, stop, secretLine(secret)) };
  }

  #start(): { listener: VsockListener; port: number } {
    for (let port = FIRST_PORT;; port--) {
      try {
        const listener = this.#listen(port);
        void this.#accept(listener);
        return { listener, port };
      } catch (cause) {
        if (cause instanceof Deno.errors.AddrInUse && port > LAST_PORT) continue;
        // Not UNAVAILABLE, which is a driver that is away: whoever called it would wait and call again.
        const { code, message } = asKuasarError(cause);
        const own = cause instanceof Deno.errors.AddrInUse ? "RESOURCE_EXHAUSTED" : code;
        throw new KuasarError(own, `Cannot listen on vsock port ${port}: ${message}`, { cause });
      }
    }
  }

  async #accept(listener: VsockListener): Promise<void> {
    try {
      for await (const conn of listener) {
        const arrival = this.#waiting.get(conn.remoteAddr.cid);
        if (arrival) arrival.resolve(conn);
        else closeQuietly(conn);
      }
    } catch (error) {
      for (const arrival of this.#waiting.values()) arrival.reject(error);
    }
  }
}

/** Listens on all of the host's CIDs (VMADDR_CID_ANY). */
function listenVsock(port: number): VsockListener {
  return Deno.listen({ transport: "vsock", cid: 0xffffffff, port });
}

function closeQuietly(conn: GuestConn): void {
  try {
    conn.close();
  } catch {
    // Closed before.
  }
}
