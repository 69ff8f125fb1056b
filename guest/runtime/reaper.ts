import * as sys from "../native/sys.js";

/** Exits that nobody has asked for yet; the oldest are forgotten. */
const MAX_UNCLAIMED = 512;

const waiting = new Map<number, ((status: sys.ExitStatus) => void)[]>();
const unclaimed = new Map<number, { status: sys.ExitStatus; order: number }>();
let running = false;
/** How many exits have been seen. */
let seen = 0;

function reap(): void {
  // Signals coalesce: one SIGCHLD may stand for many children.
  for (let status = sys.waitAny(); status; status = sys.waitAny()) {
    seen += 1;
    const waiters = waiting.get(status.pid);
    if (waiters) {
      waiting.delete(status.pid);
      for (const tell of waiters) tell(status);
      continue;
    }
    unclaimed.set(status.pid, { status, order: seen });
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

/** A mark between the exits until now and those to come. */
export function markExits(): number {
  startReaper();
  // A process that is not reaped keeps its pid: none of those is a new one's.
  reap();
  return seen;
}

/**
 * Drops the exit of an earlier process with this pid, seen before `mark`. For the pid of a process that another program has made
 * since then, and that is ours when that program has ended: pids come again.
 */
export function dropEarlierExit(pid: number, mark: number): void {
  const earlier = unclaimed.get(pid);
  if (earlier && earlier.order <= mark) unclaimed.delete(pid);
}

/** The exit of a child, or of a process whose parent has died, also when it has happened already. */
export function exitOf(pid: number): Promise<sys.ExitStatus> {
  startReaper();
  const early = unclaimed.get(pid);
  if (early) {
    unclaimed.delete(pid);
    return Promise.resolve(early.status);
  }
  return new Promise((resolve) => {
    const waiters = waiting.get(pid);
    if (waiters) waiters.push(resolve);
    else waiting.set(pid, [resolve]);
  });
}
