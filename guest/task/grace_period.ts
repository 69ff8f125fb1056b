import * as sys from "../native/sys.js";
import { ownProcs } from "./own_procs.ts";

/** "This process", for the kernel. */
const SELF = "0";

/**
 * Lets the grace period pass that the next move of a process into a cgroup would wait for.
 *
 * The kernel makes moves exclusive by a lock whose first writer waits for an RCU grace period, 10 ms and more; a move right after
 * another one does not. A runtime moves each process that it makes. A move of this process to where it is already changes
 * nothing, and is over, or nearly, when the runtime has been loaded.
 *
 * @see docs/decisions/grace-period.md
 */
export function passGracePeriod(): void {
  try {
    const file = ownProcs(sys.readTextFile("/proc/self/cgroup"), sys.readTextFile("/proc/self/mountinfo"));
    if (file !== undefined) sys.writeAside(file, SELF);
  } catch {
    // Without it nothing is wrong, only later.
  }
}
