import { type MountEntry, readMountinfo } from "../../../lib/mounts/mod.ts";

/**
 * What a runtime must not see of the host's mounts: crun refuses a host that has both versions of cgroups, as long as the
 * tree of version 2 offers a controller. With a plain directory in its place, in which crun makes the cgroups that it would make
 * there, version 1 is all that there is.
 *
 * @param version `crun 1.21`
 * @param controllers of the tree of version 2 at a path
 */
export function privateMounts(
  version: string,
  mounts: readonly MountEntry[] = readMountinfo(),
  controllers = readControllers,
): string[] {
  if (!version.startsWith("crun ") || !mounts.some(({ fsType }) => fsType === "cgroup")) return [];
  return mounts
    .filter(({ fsType, mountPoint }) => fsType === "cgroup2" && controllers(mountPoint).trim() !== "")
    .map(({ mountPoint }) => `scratch:${mountPoint}`);
}

function readControllers(mountPoint: string): string {
  try {
    return Deno.readTextFileSync(`${mountPoint}/cgroup.controllers`);
  } catch {
    return "";
  }
}
