import { exists } from "../../../lib/files/mod.ts";
import {
  acceptSocket,
  closeFd,
  EPOLL,
  epollAdd,
  epollCreate,
  epollRemove,
  epollWait,
  listenUnixFd,
  receiveDescriptors,
  sendBytes,
} from "../../../lib/libc/mod.ts";

const LISTENER_TOKEN = 0;
const MAX_FDS = 253;
/** How soon `close` is noticed. */
const STEP_MS = 50;

/** What happens on the connections. */
export interface Listening {
  /** One read of a connection's socket holds at most so many bytes. */
  readBytes: number;
  opened(conn: FdConn): void;
  /** Descriptors that came with the bytes are the callee's. */
  received(conn: FdConn, bytes: Uint8Array, fds: number[]): void;
}

/** A unix socket whose clients may send descriptors. */
export class FdListener {
  readonly #listener: number;
  readonly #epoll = epollCreate();
  readonly #conns = new Map<number, FdConn>();
  #closed = false;

  /** @throws where something is at `path` already, a stale socket too */
  constructor(path: string) {
    if (exists(path)) throw new Error(`${path}: address in use`);
    this.#listener = listenUnixFd(path);
    epollAdd(this.#epoll, this.#listener, EPOLL.IN, LISTENER_TOKEN);
  }

  /** Serves until `close`. */
  async run({ readBytes, opened, received }: Listening): Promise<void> {
    let last = LISTENER_TOKEN;
    while (!this.#closed) {
      for (const token of await epollWait(this.#epoll, 8, STEP_MS)) {
        if (this.#closed) break;
        if (token === LISTENER_TOKEN) {
          const fd = acceptSocket(this.#listener);
          const conn = new FdConn(fd, () => {
            epollRemove(this.#epoll, fd);
            closeFd(fd);
          });
          this.#conns.set(++last, conn);
          epollAdd(this.#epoll, fd, EPOLL.IN, last);
          opened(conn);
          continue;
        }
        const conn = this.#conns.get(token);
        const got = conn?.receive(readBytes);
        if (got) received(conn!, got.bytes, got.fds);
        else this.#conns.delete(token);
      }
    }
    for (const conn of this.#conns.values()) conn.close();
    epollRemove(this.#epoll, this.#listener);
    closeFd(this.#listener);
    closeFd(this.#epoll);
  }

  close(): void {
    this.#closed = true;
  }
}

/** One client. */
export class FdConn {
  readonly #fd: number;
  readonly #forget: () => void;
  #closed = false;

  constructor(fd: number, forget: () => void) {
    this.#fd = fd;
    this.#forget = forget;
  }

  /** One read; undefined at the end, which closes it. */
  receive(maxBytes: number): { bytes: Uint8Array; fds: number[] } | undefined {
    if (this.#closed) return undefined;
    try {
      const buffer = new Uint8Array(maxBytes);
      const { length, fds } = receiveDescriptors(this.#fd, buffer, MAX_FDS);
      if (length > 0) return { bytes: buffer.subarray(0, length), fds };
    } catch {
      // The client has gone.
    }
    this.close();
    return undefined;
  }

  /** @throws where the client has gone */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    for (let at = 0; at < bytes.length;) at += sendBytes(this.#fd, bytes.subarray(at));
  }

  /** May be repeated. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
  }
}
