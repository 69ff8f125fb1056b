import { KuasarError } from "../../lib/errors/mod.ts";
import type { ByteStream } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";

/** One buffer for all streams: it is filled and copied from in one go. */
const buffer = new Uint8Array(64 << 10);

/** vhost-device-vsock 0.3 drops packets that Linux has made of several pieces, which it does above 32 KiB. */
const MAX_WRITE_BYTES = 16 << 10;

interface Waiter {
  resolve: () => void;
  reject: (error: Error) => void;
}

/** A byte stream on a non-blocking fd (socket, pipe, terminal), which it owns. */
export class FdStream implements ByteStream {
  readonly #fd: number;
  #closed = false;
  #reader: Waiter | undefined;
  #writer: Waiter | undefined;
  #watched = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The fd, for calls such as peerCredentials; -1 after close or release. */
  get fd(): number {
    return this.#closed ? -1 : this.#fd;
  }

  async read(): Promise<Uint8Array | null> {
    while (!this.#closed) {
      const count = sys.read(this.#fd, buffer);
      if (count > 0) return buffer.slice(0, count);
      if (count === 0) return null;
      await new Promise<void>((resolve, reject) => {
        this.#reader = { resolve, reject };
        this.#watch();
      });
    }
    return null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#closed) throw new KuasarError("UNAVAILABLE", "Cannot write: the stream is closed");
      const count = sys.write(this.#fd, bytes, at, Math.min(bytes.length - at, MAX_WRITE_BYTES));
      if (count >= 0) {
        at += count;
        continue;
      }
      await new Promise<void>((resolve, reject) => {
        this.#writer = { resolve, reject };
        this.#watch();
      });
    }
  }

  /** Resolves when there is something to read (end of file included), without reading it. */
  async readable(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#watch();
    });
  }

  /** Gives the fd away, unwatched and open; the stream is as if closed. */
  release(): number {
    this.#end();
    return this.#fd;
  }

  close(): void {
    if (this.#closed) return;
    this.#end();
    sys.close(this.#fd);
  }

  #end(): void {
    this.#closed = true;
    sys.unwatch(this.#fd);
    const { reader, writer } = this.#takeWaiters(true, true);
    reader?.resolve();
    writer?.resolve();
  }

  #watch(): void {
    const wanted = (this.#reader ? sys.EPOLL.IN : 0) | (this.#writer ? sys.EPOLL.OUT : 0);
    // What nobody waits for any more stays watched until it happens: reading again at once is the usual case.
    if ((this.#watched & wanted) === wanted) return;
    this.#watched = wanted;
    sys.watch(this.#fd, wanted, (events) => this.#ready(events));
  }

  #ready(events: number): void {
    const over = events & (sys.EPOLL.ERR | sys.EPOLL.HUP);
    const { reader, writer } = this.#takeWaiters(
      (events & sys.EPOLL.IN) !== 0 || over !== 0,
      (events & sys.EPOLL.OUT) !== 0 || over !== 0,
    );
    if (!reader && !writer) {
      this.#watched = 0;
      sys.unwatch(this.#fd);
      this.#watchWaiters();
      return;
    }
    if (writer) {
      // A writable socket stays so: never leave OUT watched.
      this.#watched = 0;
      sys.unwatch(this.#fd);
      this.#watchWaiters();
    }
    reader?.resolve();
    writer?.resolve();
  }

  #watchWaiters(): void {
    if (this.#reader || this.#writer) this.#watch();
  }

  #takeWaiters(read: boolean, write: boolean): { reader: Waiter | undefined; writer: Waiter | undefined } {
    const reader = read ? this.#reader : undefined;
    const writer = write ? this.#writer : undefined;
    if (read) this.#reader = undefined;
    if (write) this.#writer = undefined;
    return { reader, writer };
  }
}
