import type { Resources } from "../../lib/oci/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import * as sys from "../native/sys.js";
import { allFolders, v1Folders } from "./cgroup_folders.ts";
import { CgroupV1 } from "./cgroup_v1.ts";
import { CgroupV2 } from "./cgroup_v2.ts";

const ROOT = "/sys/fs/cgroup";
const CGROUP2_MAGIC = 0x63677270;

/** The cgroup of one container, in whichever version the host has. */
export interface Cgroup {
  /** What the container has used, as containerd decodes it. */
  metrics(): Any;
  /** Pids in the cgroup and those below it. */
  pids(): number[];
  /** Kills every process; harmless where there is none. */
  killAll(): void;
  /** Stops every process of the cgroup, or lets them go on; resolves when it is so. */
  freeze(frozen: boolean): Promise<void>;
  /** Whether its processes are stopped. */
  isFrozen(): boolean;
  /** @throws KuasarError INVALID_ARGUMENT naming the file that did not take its value */
  update(resources: Resources): void;
  /** Calls `onOom` whenever the kernel has killed a process of the container for want of memory. */
  watchOom(onOom: () => void): void;
  /** The same check at once: at an exit the kernel's event may still be on its way. */
  checkOom(onOom: () => void): void;
  /** Ends the watch. */
  close(): void;
  /** Removes it with those below, as whoever made it would. @throws sys.SysError EBUSY while there are processes in it */
  remove(): void;
}

/**
 * The cgroup at a path below the root of each hierarchy.
 *
 * @throws KuasarError INVALID_ARGUMENT for a path that is none
 */
export function openCgroup(path: string): Cgroup {
  if (!/^\/[\w.@:/\\-]+$/.test(path) || path.split("/").includes("..")) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use cgroupsPath ${JSON.stringify(path)}: it must be an absolute path`,
    );
  }
  if (sys.statfs(ROOT).type === CGROUP2_MAGIC) return new CgroupV2(ROOT + path);
  const mountinfo = () => sys.readTextFile("/proc/self/mountinfo");
  return new CgroupV1(v1Folders(mountinfo(), path), () => allFolders(mountinfo(), path));
}
