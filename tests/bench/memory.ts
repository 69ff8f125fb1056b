import { childrenOf } from "../../lib/process/mod.ts";

/** Memory of one process in KiB. */
export interface ProcessMemory {
  residentKib: number;
  /** Resident, with each shared page divided by the number of its users. */
  proportionalKib: number;
}

/** Reads `Rss` and `Pss` of /proc/PID/smaps_rollup. Exported for its test. */
export function parseRollup(text: string): ProcessMemory {
  const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  return { residentKib: kib("Rss"), proportionalKib: kib("Pss") };
}

/** Memory of a process; zeros where it has ended. */
export async function memoryOf(pid: number): Promise<ProcessMemory> {
  const text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`).catch(() => "");
  return parseRollup(text);
}

/** Memory of a process and of all below it, as of the task server with its keeper. */
export async function memoryOfTree(pid: number): Promise<ProcessMemory> {
  const total = await memoryOf(pid);
  for (const child of childrenOf(pid)) {
    const { residentKib, proportionalKib } = await memoryOfTree(child);
    total.residentKib += residentKib;
    total.proportionalKib += proportionalKib;
  }
  return total;
}
