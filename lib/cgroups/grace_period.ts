import { readMountinfo } from "../mounts/mod.ts";

/** "This process", for the kernel. */
const SELF = "0";

/**
 * Lets the grace period pass that the next move of a process into a cgroup would wait for, in the background.
 *
 * The kernel makes moves exclusive by a lock whose first writer waits for an RCU grace period, 10 ms and more; a move right after
 * another one does not. A move of this process to where it is already changes nothing.
 *
 * @see docs/decisions/grace-period.md
 */
export function passGracePeriod(): void {
  const file = ownProcs();
  if (file === undefined) return;
  // Without it nothing is wrong, only later.
  Deno.writeTextFile(file, SELF, { create: false }).catch(() => {});
}

/** The `cgroup.procs` of this process in one hierarchy that is mounted as a whole. */
function ownProcs(): string | undefined {
  try {
    const own = Deno.readTextFileSync("/proc/self/cgroup").split("\n");
    for (const { fsType, superOptions, root, mountPoint } of readMountinfo()) {
      if (root !== "/" || !/^cgroup2?$/.test(fsType)) continue;
      for (const line of own) {
        const [number, controllers = "", ...rest] = line.split(":");
        const path = rest.join(":");
        const here = fsType === "cgroup2"
          ? number === "0" && controllers === ""
          : controllers !== "" && controllers.split(",").every((name) => superOptions.includes(name));
        if (here && path.startsWith("/")) return `${mountPoint}${path === "/" ? "" : path}/cgroup.procs`;
      }
    }
  } catch {
    // As below.
  }
  return undefined;
}
