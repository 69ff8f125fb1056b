export { bindMount, type BindOptions, openMountPoint } from "./bind.ts";
export { openInRoot, pathInRoot } from "./in_root.ts";
export { hideInRoot, sealRoot, showInRoot } from "./jail_root.ts";
export { makeMountPoint } from "./mount_point.ts";
export {
  isWithin,
  type MountEntry,
  mountOf,
  mountsWithin,
  parseMountinfo,
  placeInFilesystem,
  readMountinfo,
} from "./mountinfo.ts";
export { mountAttributes, mountFlags } from "./options.ts";
export { dropOwnMount, makeOwnMount } from "./own_mount.ts";
export { mountOverlay, overlayMount } from "./overlay.ts";
export { checkRootfsMounts, ownOptions } from "./rootfs_mounts.ts";
export { Fd, MOUNT_ATTR, openPath, RESOLVE } from "./syscalls.ts";
export { unmountBelow } from "./unmount.ts";
