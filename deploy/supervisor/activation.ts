import {
  closeFd,
  EPOLL,
  epollAdd,
  epollCreate,
  epollWait,
  eventFd,
  eventFdSignal,
} from "../../lib/libc/mod.ts";

const MAX_EVENTS = 16;
/** The token of the descriptor that ends the wait; sockets count from 1. */
const WAKE = 0;

/**
 * Tells when a client waits at a listening socket that nobody serves yet, as systemd's socket activation does. One
 * thread waits for all sockets; nothing is polled.
 */
export class SocketActivation {
  readonly #epoll = epollCreate();
  readonly #wake = eventFd();
  readonly #waiting = new Map<number, () => void>();
  #next = WAKE + 1;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor() {
    epollAdd(this.#epoll, this.#wake, EPOLL.IN, WAKE);
  }

  /** Calls `activate` once, when the first client connects to one of the sockets. */
  watch(fds: readonly number[], activate: () => void): void {
    const once = () => {
      for (const token of tokens) this.#waiting.delete(token);
      activate();
    };
    const tokens = fds.map((fd) => {
      const token = this.#next++;
      this.#waiting.set(token, once);
      epollAdd(this.#epoll, fd, EPOLL.IN | EPOLL.ONESHOT, token);
      return token;
    });
    this.#running ??= this.#run();
  }

  /** Ends the wait and closes. May be repeated. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    eventFdSignal(this.#wake);
    await this.#running;
    closeFd(this.#epoll);
    closeFd(this.#wake);
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      for (const token of await epollWait(this.#epoll, MAX_EVENTS, -1)) this.#waiting.get(token)?.();
    }
  }
}
