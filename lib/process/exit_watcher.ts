import { closeFd, FdWatcher, fdWatcher, isErrno, pidfdExitStatus, pidfdOpen } from "../libc/mod.ts";
import { isAlive, type ProcessRef } from "./process_ref.ts";

/** How a process ended. */
export interface ProcessExit {
  /**
   * The wait status (wait(2)), where the kernel tells it to others than the parent: Linux 6.15 and later, and
   * only once the parent has reaped the process.
   */
  exitStatus?: number;
}

/** Tells when processes end, children or not, by pidfds. */
export class ExitWatcher {
  readonly #watcher: FdWatcher;
  /** What ends the watches that are open. */
  readonly #open = new Set<() => void>();

  /** @param watcher that is closed with this one */
  constructor(watcher: FdWatcher = new FdWatcher()) {
    this.#watcher = watcher;
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
    const { promise, resolve, reject } = Promise.withResolvers<ProcessExit>();
    let stop = () => {};
    const end = () => {
      if (!this.#open.delete(end)) return;
      stop();
      closeFd(pidfd);
    };
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    this.#open.add(end);
    try {
      stop = this.#watcher.watch(pidfd, () => {
        const exitStatus = pidfdExitStatus(pidfd);
        end();
        resolve(exitStatus === undefined ? {} : { exitStatus });
      });
    } catch (error) {
      end();
      throw error;
    }
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Ends all watching; promises that wait stay pending. Idempotent. */
  async close(): Promise<void> {
    for (const end of [...this.#open]) end();
    await this.#watcher.close();
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

/** The watcher that all code of this process shares. It is never closed. */
export function exitWatcher(): ExitWatcher {
  return shared ??= new ExitWatcher(fdWatcher());
}
