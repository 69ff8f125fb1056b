import { formatDuration, KuasarError } from "../errors/mod.ts";

/** Channels of the Kubernetes remote command protocol over WebSocket: the first byte of every message. */
const STDIN = 0, STDOUT = 1, STDERR = 2, STATUS = 3, RESIZE = 4, CLOSE = 255;

/** v5 adds the closing of stdin; the rest is the same in both. */
const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** Sent in pieces of this size, so that a large stdin does not become one huge frame. */
const STDIN_PIECE_BYTES = 16 << 10;

/** More than this waiting to be sent makes `write` wait. */
const HIGH_WATER_BYTES = 1 << 20;

/** How a remote command ended. */
export interface RemoteExit {
  exitCode: number;
  /** Set where the command could not be run at all, or the connection broke. */
  failure?: string;
}

/** The part of a Kubernetes `Status` that says how a command ended. */
interface Status {
  status?: string;
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/** Reads the status that ends a remote command. Exported for its test. */
export function parseStatus(text: string): RemoteExit {
  let status: Status;
  try {
    status = Object(JSON.parse(text));
  } catch {
    return { exitCode: -1, failure: text };
  }
  if (status.status === "Success") return { exitCode: 0 };
  const cause = status.details?.causes?.find((c) => c.reason === "ExitCode");
  if (cause?.message !== undefined && /^\d+$/.test(cause.message)) return { exitCode: Number(cause.message) };
  return { exitCode: -1, failure: status.message ?? text };
}

/**
 * An `Exec` or `Attach` session on containerd's streaming server, as kubectl and crictl hold it.
 *
 * Output is gathered (`stdout`, `stderr`) and handed to `onStdout`; `exit` resolves when the session ends.
 */
export class RemoteCommand {
  readonly exit: Promise<RemoteExit>;
  /** Called with each piece of stdout; what came before it was set stands in `stdout`. */
  onStdout: ((piece: Uint8Array) => void) | undefined;
  readonly #socket: WebSocket;
  readonly #stdout: Uint8Array[] = [];
  readonly #stderr: Uint8Array[] = [];
  readonly #keep: boolean;
  #arrived = Promise.withResolvers<void>();

  private constructor(socket: WebSocket, keep: boolean) {
    this.#socket = socket;
    this.#keep = keep;
    const { promise, resolve } = Promise.withResolvers<RemoteExit>();
    this.exit = promise;
    socket.onmessage = (event) => {
      const bytes = new Uint8Array(event.data as ArrayBuffer);
      const body = bytes.subarray(1);
      if (bytes[0] === STDOUT && body.length) {
        if (this.#keep) this.#stdout.push(body);
        this.onStdout?.(body);
      } else if (bytes[0] === STDERR && body.length) this.#stderr.push(body);
      else if (bytes[0] === STATUS && body.length) resolve(parseStatus(new TextDecoder().decode(body)));
      this.#wake();
    };
    socket.onclose = (event) => {
      resolve({ exitCode: -1, failure: `connection closed (${event.code} ${event.reason})` });
      this.#wake();
    };
  }

  /**
   * Opens the session at the `url` that `Exec` or `Attach` returned.
   *
   * @param options.keepStdout false to only call `onStdout`, for output too large to gather
   * @throws KuasarError UNAVAILABLE where the server does not take the connection within `timeoutMs`
   */
  static async open(
    url: string,
    options: { timeoutMs?: number; keepStdout?: boolean } = {},
  ): Promise<RemoteCommand> {
    const socket = new WebSocket(url.replace(/^http/, "ws"), PROTOCOLS);
    socket.binaryType = "arraybuffer";
    const session = new RemoteCommand(socket, options.keepStdout ?? true);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timeoutMs = options.timeoutMs ?? 30_000;
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${formatDuration(timeoutMs)}`)),
      timeoutMs,
    );
    socket.onopen = () => resolve();
    socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    try {
      await promise;
    } catch (cause) {
      socket.close();
      throw new KuasarError("UNAVAILABLE", `Cannot open the session at ${url}: ${(cause as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
    // Once it is open, an error is followed by a close, which ends the session.
    socket.onerror = () => {};
    return session;
  }

  /** The subprotocol the server chose. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  get stdout(): Uint8Array {
    return concat(this.#stdout);
  }

  get stderr(): Uint8Array {
    return concat(this.#stderr);
  }

  /** Sends `bytes` to the command's stdin. */
  async write(bytes: Uint8Array | string): Promise<void> {
    const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    for (let at = 0; at < all.length; at += STDIN_PIECE_BYTES) {
      // WebSocket has no event for a drained buffer, so this is the one place that looks again and again.
      while (this.#socket.bufferedAmount > HIGH_WATER_BYTES && this.#socket.readyState === WebSocket.OPEN) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      this.#send(STDIN, all.subarray(at, at + STDIN_PIECE_BYTES));
    }
  }

  /** Ends the command's stdin; only protocol v5 can. */
  closeStdin(): void {
    if (!this.protocol.startsWith("v5")) {
      throw new KuasarError("UNIMPLEMENTED", `Cannot close stdin: the server speaks ${this.protocol}`);
    }
    this.#send(CLOSE, new Uint8Array([STDIN]));
  }

  /** Sets the size of the command's terminal. */
  resize(columns: number, rows: number): void {
    this.#send(RESIZE, new TextEncoder().encode(JSON.stringify({ Width: columns, Height: rows })));
  }

  /**
   * Waits until stdout contains `text` and returns all of it.
   *
   * @throws KuasarError DEADLINE_EXCEEDED, with what came instead as evidence
   */
  async waitFor(text: string, timeoutMs = 30_000): Promise<string> {
    const end = Date.now() + timeoutMs;
    while (true) {
      const out = new TextDecoder().decode(this.stdout);
      if (out.includes(text)) return out;
      const leftMs = end - Date.now();
      if (leftMs <= 0 || this.#socket.readyState === WebSocket.CLOSED) {
        const evidence = [out.slice(-500), new TextDecoder().decode(this.stderr).slice(-500)];
        throw new KuasarError("DEADLINE_EXCEEDED", `Cannot find ${JSON.stringify(text)} in the output`, {
          evidence,
        });
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, leftMs));
      await Promise.race([this.#arrived.promise, late]);
      clearTimeout(timer);
    }
  }

  /** Waits for the end of the session. @throws KuasarError DEADLINE_EXCEEDED */
  async waitForExit(timeoutMs = 120_000): Promise<RemoteExit> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const evidence = [`${this.stdout.length} bytes of stdout`, `${this.stderr.length} bytes of stderr`];
        reject(
          new KuasarError(
            "DEADLINE_EXCEEDED",
            `Cannot see the end of the session in ${formatDuration(timeoutMs)}`,
            {
              evidence,
            },
          ),
        );
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.exit, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the session and waits until the socket is closed. */
  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => this.#socket.addEventListener("close", () => resolve()));
    if (this.#socket.readyState !== WebSocket.CLOSING) this.#socket.close();
    await closed;
  }

  #send(channel: number, body: Uint8Array): void {
    const frame = new Uint8Array(body.length + 1);
    frame[0] = channel;
    frame.set(body, 1);
    this.#socket.send(frame);
  }

  #wake(): void {
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
