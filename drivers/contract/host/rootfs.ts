import { KuasarError } from "../../../lib/errors/mod.ts";
import { mount } from "../../../lib/libc/mod.ts";
import {
  bindMount,
  checkRootfsMounts,
  mountAttributes,
  mountFlags,
  mountOverlay,
  openMountPoint,
  openPath,
  ownOptions,
  RESOLVE,
  unmountBelow,
} from "../../../lib/mounts/mod.ts";
import type { Mount } from "../../../lib/proto/gen/containerd/types/types.ts";

/** File systems on a block device. */
const ON_DEVICES = ["ext2", "ext3", "ext4", "xfs", "btrfs", "erofs", "squashfs", "f2fs"];

/**
 * Mounts a container's root file system on the host, from what containerd's snapshotter tells. On failure nothing is mounted.
 *
 * @throws KuasarError INVALID_ARGUMENT, UNIMPLEMENTED for what only a handler of containerd's can mount; {Errno}
 */
export function mountRootfs(mounts: readonly Mount[], target: string): void {
  checkRootfsMounts(mounts);
  try {
    for (const one of mounts) mountOne(one, target);
  } catch (error) {
    unmountBelow(target);
    throw error;
  }
}

function mountOne({ type, source, target: below, options }: Mount, rootfs: string): void {
  const own = ownOptions(options);
  const target = below === "" ? rootfs : `${rootfs}/${below.replace(/^\/+/, "")}`;
  if (type === "overlay") return mountOverlay(own, target);
  if (type === "bind" || own.some((option) => /^r?bind$/.test(option))) {
    using from = openPath(source, RESOLVE.noMagicLinks);
    using at = openMountPoint(target);
    const attributes = mountAttributes(own);
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
