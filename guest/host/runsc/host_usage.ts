import * as sys from "../../native/sys.js";
import { readCgroupFile } from "../../task/cgroup_files.ts";
import { v1Folders } from "../../task/cgroup_folders.ts";

const ROOT = "/sys/fs/cgroup";
const CGROUP2_MAGIC = 0x63677270;

/** What the host has counted for a sandbox; 0 for what it does not count. */
export interface HostUsage {
  cpuNs: bigint;
  /** Without what the kernel could drop at once, bytes. */
  memoryBytes: bigint;
}

/** CPU time in the text of a cgroup's `cpuacct.usage` (ns) or `cpu.stat` (µs). */
export function cpuTimeIn(text: string): bigint {
  const usec = /^usage_usec (\d+)$/m.exec(text)?.[1];
  return usec === undefined ? numberIn(text) : BigInt(usec) * 1000n;
}

/** The working set: what is used, without the files among it that nobody has looked at for long (`memory.stat`). */
export function memoryIn(usage: string, stat: string): bigint {
  const inactive = /^(?:total_)?inactive_file (\d+)$/gm;
  // Version 1 has both its own and that of all below it, the total last.
  const files = [...stat.matchAll(inactive)].map(([, bytes]) => BigInt(bytes!)).at(-1) ?? 0n;
  const used = numberIn(usage);
  return used > files ? used - files : 0n;
}

function numberIn(text: string): bigint {
  return /^\d{1,19}\s*$/.test(text) ? BigInt(text.trim()) : 0n;
}

/** What the processes of a cgroup use. @param path below each hierarchy's root */
export function hostUsage(path: string): HostUsage {
  if (sys.statfs(ROOT).type === CGROUP2_MAGIC) {
    const read = (file: string) => readCgroupFile(`${ROOT}${path}/${file}`);
    return {
      cpuNs: cpuTimeIn(read("cpu.stat")),
      memoryBytes: memoryIn(read("memory.current"), read("memory.stat")),
    };
  }
  const { cpuacct, memory } = v1Folders(sys.readTextFile("/proc/self/mountinfo"), path);
  const read = (folder: string | undefined, file: string) =>
    folder === undefined ? "" : readCgroupFile(`${folder}/${file}`);
  return {
    cpuNs: cpuTimeIn(read(cpuacct, "cpuacct.usage")),
    memoryBytes: memoryIn(read(memory, "memory.usage_in_bytes"), read(memory, "memory.stat")),
  };
}
