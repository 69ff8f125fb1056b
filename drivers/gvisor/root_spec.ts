import { followedText } from "../../lib/gvisor/mod.ts";
import { CRI_ANNOTATION, PAUSE_TYPE, type Spec } from "../../lib/oci/mod.ts";
import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { podResources } from "../contract/host/pod_resources.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { hintAnnotations, type MountHint } from "./mount_hints.ts";

/** Hints that gVisor's kernel takes from the first container's annotations; here, that the pod has one /dev/shm. */
const SHM_HINT = "dev.gvisor.spec.mount.shm";

/** Of the pod's /dev/shm; as large as containerd makes it. */
export const SHM_OPTIONS = ["rw", "nosuid", "nodev", "noexec", "mode=1777", "size=65536k"];

/** Containers that name this PID namespace share it, and with the first one: any path will do that is the same for all. */
export const POD_PID_PATH = "/proc/1/ns/pid";

/** By this argument our agent does nothing, or on behalf of the driver something small. */
export const PAUSE = "kuasar-pause";

/** Where the first container's root file system has our agent. */
export function agentInRoot(pauseProgram: string): string {
  return pauseProgram.slice(pauseProgram.lastIndexOf("/"));
}

/** What the spec of a sandbox's first container is made from. */
export interface RootContext {
  sandbox: Readonly<SandboxRecord>;
  pod: PodSandboxConfig;
  /** Our agent on the host. */
  pauseProgram: string;
  /** On the host, what all containers find as /dev/shm. */
  shm: string;
  /** Below each hierarchy's root; empty where the host lets nobody make cgroups. */
  cgroup: string;
  /** What gVisor itself may use in a pod with a memory limit. */
  overheadBytes: bigint;
  /** What the pod's annotations say of its volumes. */
  hints: readonly MountHint[];
}

/**
 * The spec of a sandbox's first container: our agent, which waits there for nothing, in a read-only root file system that is the
 * directory it lies in. The limits of the pod are this container's, because all of the sandbox's processes are in its cgroup.
 */
export function rootSpec(
  { sandbox, pod, pauseProgram, shm, cgroup, overheadBytes, hints }: RootContext,
): Spec {
  return {
    ociVersion: "1.1.0",
    process: {
      args: [agentInRoot(pauseProgram), PAUSE],
      env: ["PATH=/"],
      cwd: "/",
      user: { uid: 65534, gid: 65534 },
      noNewPrivileges: true,
    },
    root: { path: pauseProgram.slice(0, pauseProgram.lastIndexOf("/")) || "/", readonly: true },
    hostname: sandbox.hostname,
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    annotations: {
      // By this runsc knows a sandbox's first container, as by another value those that join it.
      [CRI_ANNOTATION.containerType]: PAUSE_TYPE,
      ...hintAnnotations(hints),
      [`${SHM_HINT}.source`]: shm,
      [`${SHM_HINT}.type`]: "tmpfs",
      [`${SHM_HINT}.share`]: "pod",
      [`${SHM_HINT}.options`]: SHM_OPTIONS.join(","),
    },
    linux: {
      namespaces: [
        { type: "pid", ...(sandbox.sharePid ? { path: POD_PID_PATH } : {}) },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        ...(sandbox.netnsPath === "" ? [] : [{ type: "network" as const, path: sandbox.netnsPath }]),
      ],
      ...(cgroup === "" ? {} : { cgroupsPath: cgroup, resources: podResources(pod, overheadBytes) }),
    },
  };
}

/**
 * Which limits of the sandbox are to follow those of its containers, because nobody has reckoned them for the pod: the kubelet
 * does, other callers of CRI do not.
 */
export function followedLimits({ linux }: PodSandboxConfig, overheadBytes: bigint): string {
  const { memoryLimitInBytes = 0n, cpuQuota = 0n } = linux?.resources ?? {};
  return followedText({
    overheadBytes: memoryLimitInBytes > 0n ? undefined : overheadBytes,
    cpu: cpuQuota <= 0n,
  });
}
