import { closeFd, pidfdExitStatus, pidfdOpen } from "../../../lib/libc/mod.ts";
import { type ExitWatcher, isAlive, type ProcessRef } from "../../../lib/process/mod.ts";
import { fromWaitStatus } from "../vm/spawn.ts";

/** How long whoever is the parent of an orphan may take to reap it, and how often it is looked: nothing tells of that. */
const REAP_TIMEOUT_MS = 200;
const REAP_STEP_MS = 5;

/**
 * Waits for the end of a process that is no child of ours, because its own parent has ended.
 *
 * @param wanted false where nobody wants to know any more once it has ended
 * @returns its exit status as the contract counts it; undefined where the kernel does not tell it to others than the parent
 *   (before Linux 6.15) or the parent does not reap it
 */
export async function orphanExit(
  ref: ProcessRef,
  watcher: ExitWatcher,
  wanted: () => boolean,
): Promise<number | undefined> {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(ref.pid);
  } catch {
    return undefined;
  }
  try {
    // Looked at after the opening: if it is ours now, the descriptor is of ours.
    if (!isAlive(ref)) return undefined;
    await watcher.watch(ref);
    for (let waitedMs = 0; wanted() && waitedMs <= REAP_TIMEOUT_MS; waitedMs += REAP_STEP_MS) {
      const status = pidfdExitStatus(pidfd);
      if (status !== undefined) return fromWaitStatus(status);
      await new Promise((resolve) => setTimeout(resolve, REAP_STEP_MS));
    }
    return undefined;
  } finally {
    closeFd(pidfd);
  }
}
