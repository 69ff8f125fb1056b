import { KuasarError } from "../../lib/errors/mod.ts";
import { checkRootfsMounts, ownOptions } from "../../lib/mounts/mod.ts";
import { type Mount } from "../../lib/proto/gen/containerd/types/types.ts";
import { BLOCK_FILESYSTEMS } from "./filesystem_magic.ts";
import { guestRootfs } from "./guest_paths.ts";
import { type HostFacts } from "./host_facts.ts";
import { type ContainerPlan, diskSerial, type RootfsMount } from "./plan.ts";

/**
 * Decides how the mounts of a rootfs get into the guest and adds them to the plan: overlay and bind are mounted on
 * the host into the share; a file system on a block device (or in an image file) is plugged into the VM. Without
 * any mount the rootfs is the bundle's own directory.
 *
 * @param rootfsDir the directory that the spec names
 * @throws INVALID_ARGUMENT; UNIMPLEMENTED for other types, for id-mapped mounts and for mounts over a block device
 */
export function planRootfs(
  mounts: readonly Mount[],
  rootfsDir: string,
  facts: HostFacts,
  containerId: string,
  plan: ContainerPlan,
): void {
  checkRootfsMounts(mounts);
  if (mounts.length === 0) {
    const { kind } = facts.stat(rootfsDir);
    if (kind !== "directory") {
      throw new KuasarError("INVALID_ARGUMENT", `Cannot mount the rootfs: ${rootfsDir} is a ${kind}`);
    }
    plan.rootfs.push({ kind: "bind", target: "", readOnly: false, recursive: true, source: rootfsDir });
  }
  for (const mount of mounts) {
    if (BLOCK_FILESYSTEMS.includes(mount.type)) {
      if (mounts.length > 1) {
        throw unimplemented(`${mount.type} is one of ${mounts.length} mounts, a disk must be the only one`);
      }
      planDisk(mount, facts, containerId, plan);
    } else plan.rootfs.push(hostMount(mount));
  }
}

function planDisk(mount: Mount, facts: HostFacts, containerId: string, plan: ContainerPlan): void {
  const { kind } = facts.stat(mount.source);
  if (kind !== "block" && kind !== "file") {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount the rootfs: ${mount.source} is a ${kind}, not a disk`,
    );
  }
  const serial = diskSerial(containerId, "rootfs");
  const readOnly = mount.options.includes("ro");
  plan.blockDevices.push({ hostPath: mount.source, serial, readOnly });
  plan.guestMounts.push({
    type: /^ext[23]$/.test(mount.type) ? "ext4" : mount.type,
    source: `serial:${serial}`,
    target: guestRootfs(containerId),
    // An image file is a disk for the guest: it needs no loop device.
    options: ownOptions(mount.options).filter((option) => option !== "loop"),
    podScoped: false,
  });
}

function hostMount({ type, source, target, options }: Mount): RootfsMount {
  const readOnly = options.includes("ro");
  if (type === "overlay") {
    return {
      kind: "overlay",
      target,
      readOnly,
      options: ownOptions(options),
    };
  }
  if (type === "bind" || options.some((option) => /^r?bind$/.test(option))) {
    if (!source.startsWith("/")) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot mount the rootfs: the source ${JSON.stringify(source)} is no path`,
      );
    }
    return { kind: "bind", target, readOnly, recursive: !options.includes("bind"), source };
  }
  throw unimplemented(
    `the type ${JSON.stringify(type)} is none of overlay, bind, ${BLOCK_FILESYSTEMS.join(", ")}`,
  );
}

function unimplemented(reason: string): KuasarError {
  return new KuasarError("UNIMPLEMENTED", `Cannot mount the rootfs: ${reason}`);
}
