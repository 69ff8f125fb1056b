import { KuasarError } from "../../lib/errors/mod.ts";
import type { Mount, Resources, Spec } from "../../lib/oci/mod.ts";
import type { SandboxRecord } from "../contract/host/record.ts";

/** What quark itself makes in a sandbox's root, where each container has a directory. */
const TAKEN: ReadonlySet<string> = new Set(["dev", "proc", "sys", "tmp", "config.json"]);

/** The spec of a sandbox: its namespaces and limits. Its own mount namespace is always new, and PIDs are its kernel's matter. */
export function sandboxSpec({ netnsPath, hostname }: Readonly<SandboxRecord>, resources: Resources): Spec {
  return {
    ociVersion: "1.0.2",
    hostname,
    root: { path: "rootfs" },
    linux: {
      namespaces: [
        ...(netnsPath === "" ? [] : [{ type: "network" as const, path: netnsPath }]),
        { type: "ipc" },
        ...(netnsPath === "" ? [] : [{ type: "uts" as const }]),
        { type: "mount" },
      ],
      resources,
    },
  };
}

/** Memory of the sandbox's: what the containers of a pod share elsewhere would be files of the host here. */
const OWN_SHM: Mount = {
  destination: "/dev/shm",
  type: "tmpfs",
  source: "shm",
  options: ["nosuid", "nodev", "noexec", "mode=1777", "size=65536k"],
};

/** A container's spec for Quark, and what the host must mount for it. */
export interface ContainerPlan {
  spec: Spec;
  /** Bind mounts that are made on the host, below the container's root file system: the sandbox sees no other files. */
  binds: Mount[];
}

/**
 * Splits a container's spec.
 *
 * @param shm on the host, what would be the pod's /dev/shm
 * @throws KuasarError INVALID_ARGUMENT for an id that the sandbox needs for itself
 */
export function containerPlan(
  spec: Spec,
  containerId: string,
  { shm, hostname }: { shm: string; hostname: string },
): ContainerPlan {
  if (TAKEN.has(containerId)) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot prepare container ${containerId}: Quark has that name for itself`,
    );
  }
  const mounts = (spec.mounts ?? []).map((mount) => mount.source === shm ? OWN_SHM : mount);
  const { cgroupsPath: _cgroupsPath, ...linux } = spec.linux ?? {};
  return {
    binds: mounts.filter(isBind),
    spec: {
      ...spec,
      // Its kernel gives each container a name of its own.
      hostname: spec.hostname || hostname,
      root: { ...spec.root, path: "rootfs" },
      mounts: mounts.filter((mount) => !isBind(mount)),
      // Its kernel has namespaces of its own; none of the host's can be joined.
      linux: { ...linux, namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }] },
    },
  };
}

function isBind({ type, options = [] }: Mount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}
