import type { GuestMount } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { DISKS_DIR } from "../guest_paths.ts";

/** A disk that the guest mounts below something writable. */
export interface LayeredDisk {
  /** `bundle` or `rootfs`. */
  name: string;
  serial: string;
  /** Where the guest sees it. */
  target: string;
}

/**
 * How the guest mounts disks that it cannot write to so that it can: each one is the lower layer of an overlay, whose
 * upper layers of one container are in one tmpfs. Memory, because it needs neither a disk nor a file system to be made
 * for every container, and because it goes with the container; what a container writes counts as its guest's memory.
 */
export function layeredMounts(containerId: string, disks: readonly LayeredDisk[]): GuestMount[] {
  const home = `${DISKS_DIR}/${containerId}`;
  const podScoped = false;
  return [
    { type: "tmpfs", source: "scratch", target: home, options: ["mode=0700"], podScoped },
    ...disks.flatMap(({ name, serial, target }): GuestMount[] => [
      { type: "erofs", source: `serial:${serial}`, target: `${home}/${name}`, options: ["ro"], podScoped },
      {
        type: "overlay",
        source: "overlay",
        target,
        options: [
          `lowerdir=${home}/${name}`,
          `upperdir=${home}/${name}.upper`,
          `workdir=${home}/${name}.work`,
        ],
        podScoped,
      },
    ]),
  ];
}
