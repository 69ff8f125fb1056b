import { isErrno } from "../../lib/libc/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import {
  bindMount,
  type Fd,
  MOUNT_ATTR,
  openPath,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from "../../lib/mounts/mod.ts";
import type { Mount } from "../../lib/oci/mod.ts";

const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

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
    using from = openPath(source, RESOLVE_NO_MAGICLINKS);
    using at = mountPoint(root, destination, Deno.statSync(source).isDirectory);
    const attributes = (options.includes("nosuid") ? MOUNT_ATTR.nosuid : 0) |
      (options.includes("nodev") ? MOUNT_ATTR.nodev : 0) |
      (options.includes("noexec") ? MOUNT_ATTR.noexec : 0);
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
function mountPoint(root: Fd, destination: string, directory: boolean): Fd {
  const parts = destination.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.includes("..")) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount at ${JSON.stringify(destination)}: it is no place for a volume`,
    );
  }
  for (let length = 1; length <= parts.length; length++) {
    const path = parts.slice(0, length).join("/");
    const last = length === parts.length;
    try {
      const found = openPath(path, IN_ROOT, root);
      if (last) return found;
      found[Symbol.dispose]();
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
      using parent = length === 1
        ? openPath(".", IN_ROOT, root)
        : openPath(parts.slice(0, length - 1).join("/"), IN_ROOT, root);
      // A broken link of this name is in the way and stays there: nothing is made through it.
      const made = `${parent.path}/${parts[length - 1]}`;
      if (!last || directory) Deno.mkdirSync(made, { mode: 0o755 });
      else Deno.writeTextFileSync(made, "", { createNew: true, mode: 0o644 });
      if (last) return openPath(path, IN_ROOT, root);
    }
  }
  throw new KuasarError("INTERNAL", `Cannot mount at ${destination}: its place was not found`);
}
