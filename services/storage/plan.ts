import { createHash } from "node:crypto";
import { type GuestMount, type ReturnedFile } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { type Attachment } from "./attachment.ts";
import { type BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";

/** A mount that makes up the rootfs, in order. */
export type RootfsMount =
  | { kind: "overlay"; target: string; readOnly: boolean; options: string[] }
  | { kind: "bind"; target: string; readOnly: boolean; recursive: boolean; source: string };

/** A file or directory of the host that is bound into the share. */
export interface SharedVolume {
  /** Path of the host. */
  source: string;
  /** Where it goes, below the share's top. */
  place: string;
  isDirectory: boolean;
  recursive: boolean;
  /** `ro`: only the top mount; `rro`: every mount below too. */
  mode: "rw" | "ro" | "rro";
  /** Follows what is mounted below the source later on (HostToContainer). */
  propagation: "private" | "slave";
}

/** Everything that preparing a container will do. Made without any side effect. */
export interface ContainerPlan {
  rootfs: RootfsMount[];
  volumes: SharedVolume[];
  /** The pod's volumes that the container uses, those of `volumes` among them. */
  attachments: Attachment[];
  /** Numbers below `volumes/` on which the guest mounts something by itself. */
  mountPoints: number[];
  guestMounts: GuestMount[];
  blockDevices: BlockDevice[];
  /** Guest paths of bind mounts by their number in the spec. */
  guestSources: Map<number, string>;
  /** Copies that are read on the host when the container has ended. */
  returned: ReturnedFile[];
  /** Numbers of read-only mounts in the spec that have writable ones below: only the host can tell these apart. */
  modesOfHost: Set<number>;
  /** What a person should know; logged. */
  notes: string[];
}

/** A plan that does nothing yet. */
export function emptyPlan(): ContainerPlan {
  return {
    rootfs: [],
    volumes: [],
    attachments: [],
    mountPoints: [],
    guestMounts: [],
    blockDevices: [],
    guestSources: new Map(),
    returned: [],
    modesOfHost: new Set(),
    notes: [],
  };
}

/** The longest serial number of a virtio disk, in bytes (VIRTIO_BLK_ID_BYTES). */
const SERIAL_LENGTH = 20;

/** The name of a container's disk, the same for the same disk on every call. */
export function diskSerial(containerId: string, name: string): string {
  return "k" + shortHash(`${containerId}/${name}`).slice(0, SERIAL_LENGTH - 1);
}

/** A name made of 32 hexadecimal digits. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
