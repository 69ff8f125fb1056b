/** Controllers of cgroup version 1 that we read or write. */
const CONTROLLERS = ["memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "freezer"] as const;

/** The name of a controller. */
export type Controller = (typeof CONTROLLERS)[number];

/** The folder of a cgroup in each hierarchy that a host has mounted. */
export type CgroupFolders = Partial<Record<Controller, string>>;

/** A mounted hierarchy: where, and its options. */
interface Hierarchy {
  type: string;
  mountPoint: string;
  options: string[];
}

function hierarchiesIn(mountinfo: string): Hierarchy[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [own, fileSystem] = line.split(" - ");
    const [type = "", , options = ""] = (fileSystem ?? "").split(" ");
    const mountPoint = own?.split(" ")[4];
    if (!/^cgroup2?$/.test(type) || mountPoint === undefined) return [];
    return [{ type, mountPoint, options: options.split(",") }];
  });
}

/**
 * Where a cgroup lies on a host with version 1. Several controllers may share a hierarchy.
 *
 * @param mountinfo text of /proc/self/mountinfo (proc_pid_mountinfo(5))
 * @param path below each hierarchy's root
 */
export function v1Folders(mountinfo: string, path: string): CgroupFolders {
  const folders: CgroupFolders = {};
  for (const { type, mountPoint, options } of hierarchiesIn(mountinfo)) {
    if (type !== "cgroup") continue;
    for (const option of options) {
      const controller = CONTROLLERS.find((name) => name === option);
      if (controller !== undefined) folders[controller] ??= mountPoint + path;
    }
  }
  return folders;
}

/** Where a cgroup may lie, in hierarchies of every kind; runtimes make one in each of them. Parameters as above. */
export function allFolders(mountinfo: string, path: string): string[] {
  return hierarchiesIn(mountinfo).map(({ mountPoint }) => mountPoint + path);
}
