export { bindMount, type BindOptions, openMountPoint } from "./bind.ts";
export {
  isWithin,
  type MountEntry,
  mountOf,
  mountsWithin,
  parseMountinfo,
  readMountinfo,
} from "./mountinfo.ts";
export { mountFlags, mountOverlay, overlayMount } from "./overlay.ts";
export {
  Fd,
  MOUNT_ATTR,
  openPath,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "./syscalls.ts";
export { unmountBelow } from "./unmount.ts";
