import { EPOLL, epollAdd, epollCreate, epollRemove, epollWait, eventFd, eventFdSignal } from "./epoll.ts";
import { isErrno } from "./errno.ts";
import { closeFd, readFd } from "./files.ts";

const WAKE_TOKEN = 0;
const MAX_EVENTS = 64;

/**
 * Tells when descriptors become readable, by one epoll instance.
 *
 * However many are watched, a single call waits on one thread of the pool, and only while something is watched. The
 * waiting keeps the event loop alive.
 */
export class FdWatcher {
  readonly #epoll = epollCreate();
  readonly #wake = eventFd();
  readonly #watches = new Map<number, { fd: number; onReadable: () => void }>();
  #nextToken = WAKE_TOKEN + 1;
  #loop: Promise<void> | undefined;
  #waiting: Promise<number[]> | undefined;
  #closed = false;

  constructor() {
    epollAdd(this.#epoll, this.#wake, EPOLL.IN, WAKE_TOKEN);
  }

  /**
   * Calls back as often as the descriptor is found readable, so the callback reads it or stops the watch.
   *
   * @param onReadable must not throw
   * @returns stops the watch, before the descriptor is closed. Idempotent
   * @throws {Errno} when the kernel cannot watch it
   */
  watch(fd: number, onReadable: () => void): () => void {
    const token = this.#nextToken++;
    epollAdd(this.#epoll, fd, EPOLL.IN, token);
    this.#watches.set(token, { fd, onReadable });
    this.#loop ??= this.#run();
    return () => {
      if (!this.#forget(token)) return;
      if (this.#watches.size === 0) eventFdSignal(this.#wake);
    };
  }

  /** Resolves when no thread waits any more for watches that were the last and are stopped. */
  async settled(): Promise<void> {
    if (this.#watches.size === 0) await this.#waiting;
  }

  /** Ends all watching. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const token of [...this.#watches.keys()]) this.#forget(token);
    eventFdSignal(this.#wake);
    await this.#loop;
    closeFd(this.#wake);
    closeFd(this.#epoll);
  }

  async #run(): Promise<void> {
    while (this.#watches.size > 0 && !this.#closed) {
      this.#waiting = epollWait(this.#epoll, MAX_EVENTS, -1);
      for (const token of await this.#waiting) {
        if (token === WAKE_TOKEN) this.#drainWake();
        // Undefined for a watch that was stopped meanwhile.
        this.#watches.get(token)?.onReadable();
      }
    }
    this.#loop = undefined;
  }

  #forget(token: number): boolean {
    const watch = this.#watches.get(token);
    if (watch === undefined) return false;
    this.#watches.delete(token);
    epollRemove(this.#epoll, watch.fd);
    return true;
  }

  #drainWake(): void {
    try {
      readFd(this.#wake, new Uint8Array(8));
    } catch (error) {
      if (!isErrno(error, "EAGAIN")) throw error;
    }
  }
}

let shared: FdWatcher | undefined;

/** The watcher that all code of this process shares, so that there is one waiting thread. */
export function fdWatcher(): FdWatcher {
  return shared ??= new FdWatcher();
}
