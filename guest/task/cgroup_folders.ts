/** Controllers of cgroup version 1 that we read or write. */
const CONTROLLERS = ["memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "freezer"] as const;

/** The name of a controller. */
export type Controller = (typeof CONTROLLERS)[number];

/** The folder of a cgroup in each hierarchy that a host has mounted. */
export type CgroupFolders = Partial<Record<Controller, string>>;

/**
 * Where a cgroup lies on a host with version 1. Several controllers may share a hierarchy.
 *
 * @param mountinfo text of /proc/self/mountinfo (proc_pid_mountinfo(5))
 * @param path below each hierarchy's root
 */
export function v1Folders(mountinfo: string, path: string): CgroupFolders {
  const folders: CgroupFolders = {};
  for (const line of mountinfo.split("\n")) {
    const [own, fileSystem] = line.split(" - ");
    const [type, , options = ""] = (fileSystem ?? "").split(" ");
    const mountPoint = own?.split(" ")[4];
    if (type !== "cgroup" || mountPoint === undefined) continue;
    for (const option of options.split(",")) {
      const controller = CONTROLLERS.find((name) => name === option);
      if (controller !== undefined) folders[controller] ??= mountPoint + path;
    }
  }
  return folders;
}
