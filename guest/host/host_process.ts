import * as sys from "../native/sys.js";
import { startTimeOf } from "../task/start_time.ts";

/** A process of the host that cannot be mistaken for a later one with the same pid. */
export interface HostProcess {
  pid: number;
  /** Start time in clock ticks since boot, field 22 of /proc/<pid>/stat (proc(5)). */
  startTime: string;
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
