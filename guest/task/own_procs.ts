/**
 * The `cgroup.procs` of the cgroup that a process is in, in one of the hierarchies.
 *
 * @param cgroup text of /proc/self/cgroup (cgroups(7))
 * @param mountinfo text of /proc/self/mountinfo (proc_pid_mountinfo(5))
 * @returns undefined where no hierarchy is mounted as a whole: what its paths mean there cannot be told
 */
export function ownProcs(cgroup: string, mountinfo: string): string | undefined {
  const own = cgroup.split("\n").map((line) => {
    const [number, controllers = "", ...path] = line.split(":");
    return { unified: number === "0" && controllers === "", controllers, path: path.join(":") };
  });
  for (const line of mountinfo.split("\n")) {
    const [mount, fileSystem] = line.split(" - ");
    const [type, , options = ""] = (fileSystem ?? "").split(" ");
    const [, , , root, mountPoint] = (mount ?? "").split(" ");
    if (root !== "/") continue;
    const names = options.split(",");
    const found = own.find(({ unified, controllers }) =>
      unified
        ? type === "cgroup2"
        : type === "cgroup" && controllers.split(",").every((c) => names.includes(c))
    );
    if (!found?.path.startsWith("/")) continue;
    return `${mountPoint}${found.path === "/" ? "" : found.path}/cgroup.procs`;
  }
  return undefined;
}
