import {
  closeFd,
  EPOLL,
  epollAdd,
  epollCreate,
  epollRemove,
  epollWait,
  eventFd,
  eventFdSignal,
  isErrno,
  pidfdExitStatus,
  pidfdOpen,
  readFd,
} from "../libc/mod.ts";
import { isAlive, type ProcessRef } from "./process_ref.ts";

/** How a process ended. */
export interface ProcessExit {
  /**
   * The wait status (wait(2)), where the kernel tells it to others than the parent: Linux 6.15 and later, and
   * only once the parent has reaped the process.
   */
  exitStatus?: number;
}

interface Watch {
  pidfd: number;
  resolve(exit: ProcessExit): void;
}

const WAKE_TOKEN = 0;
const MAX_EVENTS = 64;

/**
 * Tells when processes end, children or not, by pidfds in one epoll instance.
 *
 * However many processes are watched, a single call waits on one thread of the pool, and only while something is
 * watched. The waiting keeps the event loop alive.
 */
export class ExitWatcher {
  readonly #epoll = epollCreate();
  readonly #wake = eventFd();
  readonly #watches = new Map<number, Watch>();
  #nextToken = WAKE_TOKEN + 1;
  #loop: Promise<void> | undefined;
  #closed = false;

  constructor() {
    epollAdd(this.#epoll, this.#wake, EPOLL.IN, WAKE_TOKEN);
  }

  /**
   * Resolves when the process has ended, at once when it has already.
   *
   * @param signal stops the watching; the promise is then rejected with the signal's reason
   * @throws {Errno} when the kernel cannot watch it (out of descriptors)
   */
  async watch(ref: ProcessRef, signal?: AbortSignal): Promise<ProcessExit> {
    signal?.throwIfAborted();
    const pidfd = openIfAlive(ref);
    if (pidfd === undefined) return {};
    const token = this.#nextToken++;
    const { promise, resolve, reject } = Promise.withResolvers<ProcessExit>();
    const stop = () => {
      if (this.#forget(token)) reject(signal?.reason);
      if (this.#watches.size === 0) eventFdSignal(this.#wake);
    };
    this.#watches.set(token, { pidfd, resolve });
    try {
      epollAdd(this.#epoll, pidfd, EPOLL.IN, token);
    } catch (error) {
      this.#watches.delete(token);
      closeFd(pidfd);
      throw error;
    }
    signal?.addEventListener("abort", stop, { once: true });
    this.#loop ??= this.#run();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Ends all watching; promises that wait stay pending. Idempotent. */
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
      for (const token of await epollWait(this.#epoll, MAX_EVENTS, -1)) {
        const watch = this.#watches.get(token);
        if (watch === undefined) continue; // the wake-up, or a watch that was stopped meanwhile
        const exitStatus = pidfdExitStatus(watch.pidfd);
        this.#forget(token);
        watch.resolve(exitStatus === undefined ? {} : { exitStatus });
      }
    }
    this.#drainWake();
    this.#loop = undefined;
  }

  #forget(token: number): boolean {
    const watch = this.#watches.get(token);
    if (watch === undefined) return false;
    this.#watches.delete(token);
    epollRemove(this.#epoll, watch.pidfd);
    closeFd(watch.pidfd);
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

/** A pidfd of exactly this process; undefined when it is gone or its pid belongs to another one. */
export function openIfAlive(ref: ProcessRef): number | undefined {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(ref.pid);
  } catch (error) {
    if (isErrno(error, "ESRCH", "EINVAL")) return undefined; // EINVAL: the pid is now a thread's
    throw error;
  }
  // Looked at after the opening: if it is ours now, the descriptor is of ours.
  if (isAlive(ref)) return pidfd;
  closeFd(pidfd);
  return undefined;
}

let shared: ExitWatcher | undefined;

/** The watcher that all code of this process shares, so that there is one waiting thread. */
export function exitWatcher(): ExitWatcher {
  return shared ??= new ExitWatcher();
}
