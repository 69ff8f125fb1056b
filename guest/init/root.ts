import * as sys from "../native/sys.js";

/** File system types of an initramfs (linux/magic.h). */
const RAMFS_MAGIC = 0x858458f6;
const TMPFS_MAGIC = 0x01021994;

/**
 * Makes pivot_root(2) possible for container runtimes.
 *
 * An initramfs is unpacked into `rootfs`, the one mount without a parent, and pivot_root refuses to leave such a root. So
 * the same tree is mounted a second time, moved over `/` and entered. Nothing is copied. A root on a disk has a parent.
 *
 * @returns whether the guest runs from its initramfs
 */
export function leaveRootfs(): boolean {
  const { type } = sys.statfs("/");
  if (type !== RAMFS_MAGIC && type !== TMPFS_MAGIC) return false;
  const place = "/run";
  sys.mkdirAll(place);
  sys.mount("/", place, "", sys.MS.BIND);
  sys.chdir(place);
  sys.mount(place, "/", "", sys.MS.MOVE);
  sys.chroot(".");
  sys.chdir("/");
  return true;
}
