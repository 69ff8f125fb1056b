import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";

const CPUS = "/sys/devices/system/cpu";
const TIMEOUT_MS = 5_000;
/** The kernel tells of a new CPU by an event that nothing here hears; it comes within milliseconds. */
const LOOK_MS = 5;

/** How many CPUs a list of the kernel's names: `0-3,5` has five. */
export function countOf(list: string): number {
  return list.trim().split(",").filter((part) => part !== "").reduce((sum, part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return sum + last - first + 1;
  }, 0);
}

/** How many CPUs run. */
export function onlineCpus(): number {
  return countOf(sys.readTextFile(`${CPUS}/online`, 4096));
}

/**
 * Brings every CPU online that is there.
 *
 * @param wanted how many there will be; those that do not come within some seconds are not waited for
 */
export async function bringOnline(wanted: number): Promise<void> {
  const end = sys.nowMs() + TIMEOUT_MS;
  for (;;) {
    for (const { name } of sys.readdir(CPUS)) {
      const file = `${CPUS}/${name}/online`;
      if (/^cpu\d+$/.test(name) && sys.exists(file) && sys.readTextFile(file, 16).trim() === "0") {
        sys.writeFile(file, "1");
      }
    }
    if (onlineCpus() >= wanted || sys.nowMs() > end) return;
    await sleep(LOOK_MS);
  }
}
