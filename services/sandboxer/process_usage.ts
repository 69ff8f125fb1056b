/** What one process has used. */
export interface ProcessUsage {
  userUs: number;
  systemUs: number;
  residentBytes: number;
  threads: number;
}

/** Linux tells CPU times to user space in units of 10 ms, whatever the kernel's own tick is. */
const US_PER_TICK = 10_000;

/** Every platform that we support has 4 KiB pages in this file. */
const PAGE_BYTES = 4096;

/** Reads /proc/<pid>/stat (proc(5)); undefined where the process is gone. */
export async function processUsage(pid: number): Promise<ProcessUsage | undefined> {
  try {
    return parseStat(await Deno.readTextFile(`/proc/${pid}/stat`));
  } catch (error) {
    // ESRCH comes for a process that ends while it is read.
    if (error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ESRCH") {
      return undefined;
    }
    throw error;
  }
}

/** Parses a line of /proc/<pid>/stat; the name in it may hold anything, also blanks and brackets. */
export function parseStat(text: string): ProcessUsage {
  // Behind the name comes field 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3] ?? 0);
  return {
    userUs: field(14) * US_PER_TICK,
    systemUs: field(15) * US_PER_TICK,
    threads: field(20),
    residentBytes: field(24) * PAGE_BYTES,
  };
}
