import * as sys from "../../native/sys.js";
import type { IoRequest } from "../stdio.ts";
import type { StdioKeys } from "./config.ts";

const NAMES = ["stdin", "stdout", "stderr"] as const;

/** Of /dev/null (Linux' devices.txt). */
const NULL_DEVICE = 0x103;

/**
 * CRIU's names for the stdio of a container's processes. They are containerd's FIFOs, which are in none of the container's
 * mounts; a terminal is, so that it has no names.
 *
 * @param pids of the container's processes
 */
export function stdioKeys(pids: readonly number[], io: IoRequest): StdioKeys {
  const [stdin, stdout, stderr] = NAMES.map((name, fd) => {
    if (io.terminal) return [];
    return io[name] === "" ? nullKeys(fd, pids) : keysOf(io[name], fd, pids);
  });
  return [stdin!, stdout!, stderr!];
}

/** What an exec'ed process has where it has no stream: a device of its own and without a name (`sys.openNull`). */
function nullKeys(fd: number, pids: readonly number[]): string[] {
  return pids.flatMap((pid) => {
    try {
      const { rdev, nlink, ino } = sys.stat(`/proc/${pid}/fd/${fd}`);
      return rdev === NULL_DEVICE && nlink === 0 ? [keyOf(mountIdOf(String(pid), fd), ino)] : [];
    } catch {
      return [];
    }
  });
}

function keyOf(mountId: string, ino: number): string {
  return `file[${Number(mountId).toString(16)}:${ino.toString(16)}]`;
}

/** One file may be known by several mounts: whoever has opened it may have had other mount ids than we have. */
function keysOf(stream: string, fd: number, pids: readonly number[]): string[] {
  const { dev, ino } = sys.stat(stream);
  const keys = new Set<string>();
  const add = (mountId: string) => keys.add(keyOf(mountId, ino));
  const own = sys.open(stream, sys.O.PATH);
  try {
    add(mountIdOf("self", own));
  } finally {
    sys.close(own);
  }
  for (const pid of pids) {
    try {
      const file = sys.stat(`/proc/${pid}/fd/${fd}`);
      if (file.dev === dev && file.ino === ino) add(mountIdOf(String(pid), fd));
    } catch {
      // It has closed the file, or has ended.
    }
  }
  return [...keys];
}

/** See proc_pid_fdinfo(5). */
function mountIdOf(pid: string, fd: number): string {
  return /^mnt_id:\s*(\d+)$/m.exec(sys.readTextFile(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? "0";
}
