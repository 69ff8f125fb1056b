import * as sys from "../native/sys.js";

/** A process of the host that cannot be mistaken for a later one with the same pid. */
export interface HostProcess {
  pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)). */
  startTime: string;
}

/** The start time of a process; empty where there is none. */
export function startTimeOf(pid: number): string {
  try {
    const stat = sys.readTextFile(`/proc/${pid}/stat`, 4096);
    // The name in parentheses may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/**
 * Watches for the end of a process.
 *
 * @param onEnd called once; at once where the process is gone already
 * @returns what ends the watch
 */
export function watchEnd({ pid, startTime }: HostProcess, onEnd: () => void): () => void {
  if (startTime === "" || startTimeOf(pid) !== startTime) {
    onEnd();
    return () => {};
  }
  let pidfd: number;
  try {
    pidfd = sys.pidfdOpen(pid);
  } catch {
    onEnd();
    return () => {};
  }
  const stop = () => {
    if (pidfd >= 0) sys.close(pidfd);
    pidfd = -1;
  };
  sys.watch(pidfd, sys.EPOLL.IN, () => {
    stop();
    onEnd();
  });
  return stop;
}
