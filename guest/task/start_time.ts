import * as sys from "../native/sys.js";

/** The start time of a process in ticks since boot, field 22 of /proc/<pid>/stat (proc(5)); empty where there is none. */
export function startTimeOf(pid: number): string {
  try {
    const stat = sys.readTextFile(`/proc/${pid}/stat`, 4096);
    // The name in parentheses may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
