import { hierarchies, type Hierarchy } from "../../lib/cgroups/mod.ts";
import type { Mount, Spec } from "../../lib/oci/mod.ts";

/** Propagations of a root file system as containerd names them, by youki's names, which mean the same there. */
const PROPAGATION: Readonly<Record<string, string>> = {
  rshared: "shared",
  rslave: "slave",
  rprivate: "private",
  runbindable: "unbindable",
};

/** Of the mounts that stand for one of the type `cgroup`. */
const CGROUP_FLAGS = ["nosuid", "noexec", "nodev"];

/**
 * Changes a spec into one that means the same to youki (0.7).
 *
 * It knows the propagations of the specification and not those that containerd writes. And for a mount of cgroups of version
 * 1 it looks up its own pid in /proc, which in a PID namespace that it has joined is a pid of the host's, that of nobody or
 * somebody else's: so that mount is written as what it consists of.
 *
 * @param trees of cgroups on the host
 */
export function youkiSpec(spec: Spec, trees: readonly Hierarchy[] = hierarchies()): Spec {
  const { linux = {}, mounts = [] } = spec;
  const { rootfsPropagation = "", namespaces = [], cgroupsPath = "" } = linux;
  const joinsPid = namespaces.some(({ type, path }) => type === "pid" && path !== undefined && path !== "");
  const roots = trees.filter(({ version }) => version === 1).map(({ root }) => root);
  const byHand = joinsPid && roots.length > 0 && cgroupsPath.startsWith("/");
  return {
    ...spec,
    mounts: mounts.flatMap((mount) =>
      byHand && mount.type === "cgroup" ? cgroupMounts(mount, roots, cgroupsPath) : [mount]
    ),
    linux: {
      ...linux,
      ...(PROPAGATION[rootfsPropagation] && { rootfsPropagation: PROPAGATION[rootfsPropagation] }),
    },
  };
}

/** A directory in which the container finds its own cgroup of each hierarchy; youki makes them before it mounts. */
function cgroupMounts({ destination, options = [] }: Mount, roots: readonly string[], path: string): Mount[] {
  const mode = options.includes("ro") ? "ro" : "rw";
  return [
    { destination, type: "tmpfs", source: "tmpfs", options: [...CGROUP_FLAGS, "mode=755"] },
    ...roots.map((root) => ({
      destination: `${destination}/${root.slice(root.lastIndexOf("/") + 1)}`,
      type: "bind",
      source: root + path,
      options: ["bind", "rprivate", mode, ...CGROUP_FLAGS],
    })),
  ];
}
