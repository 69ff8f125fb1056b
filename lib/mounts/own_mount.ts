import { isErrno, unmount } from "../libc/mod.ts";
import { bindMount, openMountPoint } from "./bind.ts";
import { mountsWithin, readMountinfo } from "./mountinfo.ts";
import { PROPAGATION, setMountAttributes } from "./syscalls.ts";

/**
 * Makes a directory, and of it a mount of its own of which no other mount namespace hears: what is mounted in it later stays out
 * of the namespaces that exist then, although systemd makes every mount of a host shared. Repeated, it changes nothing. Where
 * something is mounted in the directory already, which such a mount would hide, nothing is done.
 *
 * @param dir absolute; symbolic links above it are followed
 * @throws {Errno}
 */
export function makeOwnMount(dir: string): void {
  Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = Deno.realPathSync(dir);
  const mounts = mountsWithin(readMountinfo(), path);
  if (!mounts.some(({ mountPoint }) => mountPoint === path)) {
    if (mounts.length > 0) return;
    using source = openMountPoint(path);
    // It allows what the file system allowed before.
    bindMount(source, path, { attributes: 0 });
  }
  // Below a shared mount it has become shared itself when it was attached.
  using own = openMountPoint(path);
  setMountAttributes(own, { propagation: PROPAGATION.private }, path);
}

/** Takes such a mount away, unless it is in use: then it is there for whoever uses it. @throws {Errno} */
export function dropOwnMount(dir: string): void {
  try {
    unmount(Deno.realPathSync(dir));
  } catch (error) {
    if (!isErrno(error, "EBUSY", "EINVAL")) throw error;
  }
}
