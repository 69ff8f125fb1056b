import * as sys from "../native/sys.js";

/** Exits that nobody has asked for yet; the oldest are forgotten. */
const MAX_UNCLAIMED = 512;

const waiting = new Map<number, ((status: sys.ExitStatus) => void)[]>();
const unclaimed = new Map<number, sys.ExitStatus>();
let running = false;

function reap(): void {
  // Signals coalesce: one SIGCHLD may stand for many children.
  for (let status = sys.waitAny(); status; status = sys.waitAny()) {
    const waiters = waiting.get(status.pid);
    if (waiters) {
      waiting.delete(status.pid);
      for (const tell of waiters) tell(status);
      continue;
    }
    unclaimed.set(status.pid, status);
    const oldest = unclaimed.keys().next().value;
    if (unclaimed.size > MAX_UNCLAIMED && oldest !== undefined) unclaimed.delete(oldest);
  }
}

/** Begins to reap the children of this process, also those that are handed to it as a subreaper. May be repeated. */
export function startReaper(): void {
  if (running) return;
  running = true;
  sys.onSignal(sys.SIG.CHLD, reap);
  reap();
}

/**
 * Starts a program under the reaper.
 *
 * An exit status that an earlier process with this pid has left is dropped, so that it cannot be taken for the new one's.
 */
export function spawnReaped(options: sys.SpawnOptions): number {
  startReaper();
  const pid = sys.spawn(options);
  unclaimed.delete(pid);
  return pid;
}

/** The exit of a child, or of a process whose parent has died, also when it has happened already. */
export function exitOf(pid: number): Promise<sys.ExitStatus> {
  startReaper();
  const status = unclaimed.get(pid);
  if (status) {
    unclaimed.delete(pid);
    return Promise.resolve(status);
  }
  return new Promise((resolve) => {
    const waiters = waiting.get(pid);
    if (waiters) waiters.push(resolve);
    else waiting.set(pid, [resolve]);
  });
}
