import { KuasarError } from "../../lib/errors/mod.ts";
import {
  bindMount,
  type Fd,
  makeMountPoint,
  mountAttributes,
  openInRoot,
  openPath,
  RESOLVE,
} from "../../lib/mounts/mod.ts";
import type { Mount } from "../../lib/oci/mod.ts";

/**
 * Makes a container's bind mounts below its root file system, whose content may be hostile: its symbolic links lead nowhere
 * else than into it.
 *
 * @param rootfs on the host
 * @throws KuasarError INVALID_ARGUMENT for a mount without a source, or one that does not fit its target; {Errno}
 */
export function bindVolumes(binds: readonly Mount[], rootfs: string): void {
  using root = openPath(rootfs);
  for (const { source, destination, options = [] } of binds) {
    if (!source) throw new KuasarError("INVALID_ARGUMENT", `Cannot mount ${destination}: it has no source`);
    using from = openPath(source, RESOLVE.noMagicLinks);
    using at = mountPoint(root, destination, Deno.statSync(source).isDirectory);
    const attributes = mountAttributes(options);
    const recursive = options.includes("rbind");
    const readOnly = options.includes("ro") || options.includes("rro");
    bindMount(
      from,
      at,
      { recursive, readOnly, recursiveReadOnly: options.includes("rro"), attributes },
      source,
    );
  }
}

/**
 * Makes a root file system read-only on the host, with what is mounted below it as it is.
 *
 * @param mounts that are made later, in the sandbox: their places must be there
 */
export function sealRootfs(mounts: readonly Mount[], rootfs: string): void {
  using root = openPath(rootfs);
  for (const { destination } of mounts) {
    // Below another of them it is that one's matter.
    const outer = mounts.some((other) => destination.startsWith(`${other.destination}/`));
    if (!outer) mountPoint(root, destination, true)[Symbol.dispose]();
  }
  bindMount(root, rootfs, { recursive: true, readOnly: true, attributes: 0 });
}

/** Opens a place in a root file system; what is missing is made. */
function mountPoint(root: Fd, destination: string, isDirectory: boolean): Fd {
  const path = makeMountPoint(root, destination, isDirectory);
  const at = path && openInRoot(root, path);
  if (at) return at;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot mount ${destination}: the image has something else there`,
  );
}
