import { KuasarError } from "../../../lib/errors/mod.ts";
import type { Mount, Namespace, Spec } from "../../../lib/oci/mod.ts";
import type { SandboxPaths } from "./paths.ts";
import type { SandboxRecord } from "./record.ts";

/** What a spec is rewritten for. */
export interface SpecContext {
  sandbox: Readonly<SandboxRecord>;
  paths: SandboxPaths;
  containerId: string;
  /** Absolute path of the mounted root file system. */
  rootfs: string;
  /** See SandboxKind. */
  ownPidNamespaces?: boolean | undefined;
}

/** A namespace of the process that containerd takes for the pod's. */
const OF_PROCESS = /^\/proc\/(\d+)\/ns\/([a-z]+)$/;

/**
 * Rewrites containerd's spec for a sandbox of namespaces: they are joined where the sandbox keeps them, the cgroup is below
 * the sandbox's, and the pod's files and shared memory are mounted. All else stays as containerd has asked for it.
 *
 * @throws KuasarError INVALID_ARGUMENT for a spec that wants something the sandbox does not have
 */
export function rewriteSpec(spec: Spec, context: SpecContext): Spec {
  const { sandbox, containerId, rootfs } = context;
  const linux = spec.linux ?? {};
  return {
    ...spec,
    root: { ...spec.root, path: rootfs },
    mounts: [...podMounts(spec.mounts ?? [], context), ...podFiles(spec, context)],
    linux: {
      ...linux,
      namespaces: podNamespaces(linux.namespaces ?? [], context),
      ...(sandbox.cgroup === "" ? {} : { cgroupsPath: `${sandbox.cgroup}/${containerId}` }),
    },
  };
}

/** True for the only container of a sandbox that was made for it: nothing of a pod's is wanted in it. */
function isAlone({ sandbox, containerId }: SpecContext): boolean {
  return sandbox.id === containerId;
}

function podNamespaces(namespaces: readonly Namespace[], context: SpecContext): Namespace[] {
  const podPid = podProcessOf(namespaces);
  return namespaces.flatMap((namespace): Namespace[] => {
    const { type, path } = namespace;
    if (type === "pid" && context.ownPidNamespaces) return [namespace];
    if (path === undefined || path === "") return type === "network" ? kept(type, context) : [{ type }];
    const [, pid] = OF_PROCESS.exec(path) ?? [];
    return pid === undefined || pid !== podPid ? [namespace] : kept(type, context);
  });
}

/**
 * containerd names the pod's namespaces by its process, which there need not be: 0, or whatever stands in for it. Another
 * process's is a container's whose namespace this one joins.
 */
function podProcessOf(namespaces: readonly Namespace[]): string | undefined {
  for (const { type, path } of namespaces) {
    const pid = path && type !== "pid" ? OF_PROCESS.exec(path)?.[1] : undefined;
    if (pid !== undefined) return pid;
  }
  // Only a shared PID namespace is joined: no other container can be meant by 0.
  return "0";
}

/** Where the sandbox keeps a namespace; nothing where it uses the host's. */
function kept(type: Namespace["type"], { sandbox, paths }: SpecContext): Namespace[] {
  switch (type) {
    case "network":
      return sandbox.netnsPath === "" ? [] : [{ type, path: sandbox.netnsPath }];
    case "uts":
      return sandbox.netnsPath === "" ? [] : [{ type, path: paths.uts }];
    case "ipc":
      return sandbox.ownIpc ? [{ type, path: paths.ipc }] : [];
    case "pid":
      if (sandbox.hostPid) return [];
      if (sandbox.sharePid) return [{ type, path: paths.pid }];
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot join the PID namespace of another container (TARGET): the containers of sandbox ${sandbox.id} share none`,
      );
    default:
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot prepare a container: sandbox ${sandbox.id} has no ${type} namespace to join`,
      );
  }
}

/** Without the slashes that do not count. */
function normal(destination: string): string {
  return "/" + destination.split("/").filter((part) => part !== "" && part !== ".").join("/");
}

/** containerd writes a /dev/shm of its own into each container where it knows of none of the pod's. */
function podMounts(mounts: readonly Mount[], context: SpecContext): Mount[] {
  if (isAlone(context)) return [...mounts];
  const source = context.sandbox.ownIpc ? context.paths.shm : "/dev/shm";
  return mounts.map((mount) => {
    if (mount.type !== "tmpfs" || normal(mount.destination) !== "/dev/shm") return mount;
    const modes = (mount.options ?? []).filter((option) => /^(nosuid|nodev|noexec|ro)$/.test(option));
    return { ...mount, type: "bind", source, options: ["rbind", "rprivate", ...modes] };
  });
}

/** containerd gives the containers of an external sandboxer no hostname, hosts and resolv.conf. */
function podFiles({ mounts = [], root }: Spec, context: SpecContext): Mount[] {
  if (isAlone(context)) return [];
  const taken = new Set(mounts.map(({ destination }) => normal(destination)));
  return ["hostname", "hosts", "resolv.conf"].filter((name) => !taken.has(`/etc/${name}`)).map((name) => ({
    destination: `/etc/${name}`,
    type: "bind",
    source: `${context.paths.files}/${name}`,
    options: ["rbind", "rprivate", "nosuid", "nodev", "noexec", root?.readonly ? "ro" : "rw"],
  }));
}
