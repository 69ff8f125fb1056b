import { KuasarError } from "../../../lib/errors/mod.ts";
import { mount, MS } from "../../../lib/libc/mod.ts";
import {
  bindMount,
  mountFlags,
  mountOverlay,
  openMountPoint,
  openPath,
  RESOLVE_NO_MAGICLINKS,
  unmountBelow,
} from "../../../lib/mounts/mod.ts";
import { MOUNT_ATTR } from "../../../lib/mounts/mod.ts";
import type { Mount } from "../../../lib/proto/gen/containerd/types/types.ts";

const MAX_MOUNTS = 64;
/** File systems on a block device. */
const ON_DEVICES = ["ext2", "ext3", "ext4", "xfs", "btrfs", "erofs", "squashfs", "f2fs"];

/**
 * Mounts a container's root file system on the host, from what containerd's snapshotter tells. On failure nothing is mounted.
 *
 * @throws KuasarError INVALID_ARGUMENT, UNIMPLEMENTED for what only a handler of containerd's can mount; {Errno}
 */
export function mountRootfs(mounts: readonly Mount[], target: string): void {
  if (mounts.length > MAX_MOUNTS) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount the rootfs: at most ${MAX_MOUNTS} mounts are taken`,
    );
  }
  try {
    for (const one of mounts) mountOne(one, target);
  } catch (error) {
    unmountBelow(target);
    throw error;
  }
}

function mountOne({ type, source, target: below, options }: Mount, rootfs: string): void {
  if (below.split("/").includes("..")) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount the rootfs: the target ${JSON.stringify(below)} leaves it`,
    );
  }
  const mapped = options.find((option) => /^(uidmap|gidmap|r?idmap)(=|$)/.test(option));
  if (mapped) throw unimplemented(`the option ${mapped} asks for an id-mapped mount`);
  const own = options.filter((option) => !/^x-containerd\./i.test(option));
  const target = below === "" ? rootfs : `${rootfs}/${below.replace(/^\/+/, "")}`;
  if (type === "overlay") return mountOverlay(own, target);
  if (type === "bind" || own.some((option) => /^r?bind$/.test(option))) {
    using from = openPath(source, RESOLVE_NO_MAGICLINKS);
    using at = openMountPoint(target);
    const { flags } = mountFlags(own);
    const attributes = (flags & MS.NOSUID ? MOUNT_ATTR.nosuid : 0) |
      (flags & MS.NODEV ? MOUNT_ATTR.nodev : 0) |
      (flags & MS.NOEXEC ? MOUNT_ATTR.noexec : 0);
    return bindMount(
      from,
      at,
      { recursive: !own.includes("bind"), readOnly: own.includes("ro"), attributes },
      source,
    );
  }
  if (!ON_DEVICES.includes(type)) throw unimplemented(`the type ${JSON.stringify(type)} is not known`);
  if (own.includes("loop")) throw unimplemented(`${source} is an image file and needs a loop device`);
  const { flags, data } = mountFlags(own);
  mount({ source, target, type, flags, data: data.join(",") });
}

function unimplemented(reason: string): KuasarError {
  return new KuasarError("UNIMPLEMENTED", `Cannot mount the rootfs: ${reason}`);
}
