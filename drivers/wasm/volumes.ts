import { KuasarError } from "../../lib/errors/mod.ts";
import { makeMountPoint, openPath } from "../../lib/mounts/mod.ts";
import type { Mount, Spec } from "../../lib/oci/mod.ts";
import type { Volume } from "./engine_run.ts";

/** Directories of a kernel, which no module can use. */
const KERNEL_DIRS = /^\/+(proc|sys|dev)(\/|$)/;

/** True for what a pod mounts for its containers to use: files and directories, and memory. */
function isVolume({ destination, type, options = [] }: Mount): boolean {
  if (KERNEL_DIRS.test(destination)) return false;
  return type === "bind" || type === "tmpfs" || options.includes("bind") || options.includes("rbind");
}

/**
 * The volumes of a spec, with a place for each in the container's root file system. That place has no symbolic links: the OCI
 * runtime, to which this root is a folder of another one, would follow them elsewhere.
 *
 * @param rootfs the directory on the host
 * @throws {KuasarError} INVALID_ARGUMENT where something is in the way of one, NOT_FOUND for a source that does not exist
 */
export function placeVolumes({ mounts = [] }: Spec, rootfs: string): Volume[] {
  using root = openPath(rootfs);
  return mounts.filter(isVolume).map((mount) => {
    const isDirectory = mount.type === "tmpfs" || isFolder(mount);
    const path = makeMountPoint(root, mount.destination, isDirectory);
    if (path !== undefined) return { path, mount, isDirectory };
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount ${mount.destination}: the image has something else there`,
    );
  });
}

function isFolder({ destination, source = "" }: Mount): boolean {
  try {
    return Deno.statSync(source).isDirectory;
  } catch (cause) {
    throw new KuasarError(
      "NOT_FOUND",
      `Cannot mount ${destination}: ${source} does not exist`,
      { cause },
    );
  }
}
