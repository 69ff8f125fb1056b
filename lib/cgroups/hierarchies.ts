import { type MountEntry, readMountinfo } from "../mounts/mod.ts";

/** A mounted tree of cgroups. */
export interface Hierarchy {
  /** Where it is mounted: `/sys/fs/cgroup`, `/sys/fs/cgroup/memory`. */
  root: string;
  version: 1 | 2;
}

/** Controllers of version 1 that measure or limit a pod and take a new cgroup as it is (cpuset does not). */
const V1_CONTROLLERS = ["memory", "cpu", "cpuacct", "pids", "blkio"];

/**
 * The trees in which a pod is put: the one of version 2, or on a host that still has version 1 those of its controllers;
 * there the tree of version 2, if any, has none.
 */
export function hierarchies(mounts: readonly MountEntry[] = readMountinfo()): Hierarchy[] {
  const v1 = mounts.filter(({ fsType, superOptions }) =>
    fsType === "cgroup" && superOptions.some((option) => V1_CONTROLLERS.includes(option))
  );
  if (v1.length > 0) return unique(v1).map((root) => ({ root, version: 1 }));
  const v2 = mounts.filter(({ fsType }) => fsType === "cgroup2");
  return unique(v2).slice(0, 1).map((root) => ({ root, version: 2 }));
}

/** Every mounted tree, also those in which only a runtime makes cgroups: devices, freezer, systemd's, and version 2 beside 1. */
export function allHierarchies(mounts: readonly MountEntry[] = readMountinfo()): Hierarchy[] {
  const of = (type: string, version: 1 | 2) =>
    unique(mounts.filter(({ fsType }) => fsType === type)).map((root): Hierarchy => ({ root, version }));
  return [...of("cgroup", 1), ...of("cgroup2", 2)];
}

/** Each file system once, however often it is mounted. */
function unique(mounts: readonly MountEntry[]): string[] {
  return [...new Map(mounts.map(({ device, mountPoint }) => [device, mountPoint])).values()];
}
