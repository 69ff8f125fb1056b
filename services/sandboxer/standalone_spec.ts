import { message } from "../../lib/cri/mod.ts";
import { CRI_ANNOTATION, PAUSE_TYPE, type Spec } from "../../lib/oci/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  LinuxSandboxSecurityContext,
  NamespaceMode,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

/** How a sandbox comes to its network. */
export type StandaloneNetwork = { kind: "host" } | { kind: "own" } | { kind: "join"; path: string };

/** What the spec of a task without a sandbox tells of the sandbox that it needs. */
export interface StandaloneSandbox {
  pod: PodSandboxConfig;
  network: StandaloneNetwork;
}

/** True where a container joins somebody else's PID namespace, which in a pod is the pod's. */
export function joinsPid(spec: Spec): boolean {
  return (spec.linux?.namespaces ?? []).some(({ type, path }) => type === "pid" && path !== undefined);
}

/**
 * Derives a sandbox from a task's spec: its name, its size, its network.
 *
 * @param id names the sandbox where no annotation does
 * @param isCgroup whether a cgroup is there: what a kubelet has made is the pod's, and what containerd names by default is nobody's
 */
export function standaloneSandbox(
  id: string,
  spec: Spec,
  isCgroup: (parent: string) => boolean,
): StandaloneSandbox {
  const parent = parentCgroupOf(spec);
  const annotations = new Map(Object.entries(spec.annotations ?? {}));
  const pause = annotations.get(CRI_ANNOTATION.containerType) === PAUSE_TYPE;
  const network = networkOf(spec);
  const namespaceOptions = {
    network: network.kind === "host" ? NamespaceMode.NODE : NamespaceMode.POD,
    // A pod has a PID namespace to share; whether a container joins it stands in the container's own spec.
    pid: pause ? NamespaceMode.POD : NamespaceMode.CONTAINER,
    ipc: NamespaceMode.POD,
    targetId: "",
  };
  const pod = message(PodSandboxConfig, {
    metadata: {
      name: annotations.get(CRI_ANNOTATION.sandboxName) ?? id,
      namespace: annotations.get(CRI_ANNOTATION.sandboxNamespace) ?? "",
      uid: annotations.get(CRI_ANNOTATION.sandboxUid) ?? "",
      attempt: 0,
    },
    hostname: spec.hostname ?? "",
    linux: message(LinuxPodSandboxConfig, {
      cgroupParent: isCgroup(parent) ? parent : "",
      resources: message(LinuxContainerResources, {
        ...(pause ? podResources(annotations) : ownResources(spec)),
        oomScoreAdj: BigInt(spec.process?.oomScoreAdj ?? 0),
      }),
      sysctls: spec.linux?.sysctl ?? {},
      securityContext: message(LinuxSandboxSecurityContext, { namespaceOptions }),
    }),
  });
  return { pod, network };
}

/**
 * Below which cgroup a runtime would make the task's: a path, or the slice in `slice:prefix:name`, runc's form for systemd.
 *
 * @returns as CRI's `cgroup_parent`; empty where the spec names none
 */
export function parentCgroupOf({ linux }: Spec): string {
  const path = linux?.cgroupsPath ?? "";
  const [slice = "", ...rest] = path.split(":");
  if (rest.length === 2) return slice;
  return path.startsWith("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

function networkOf(spec: Spec): StandaloneNetwork {
  const namespace = (spec.linux?.namespaces ?? []).find(({ type }) => type === "network");
  if (!namespace) return { kind: "host" };
  return namespace.path ? { kind: "join", path: namespace.path } : { kind: "own" };
}

/** The sum of a pod's limits, which kubelet tells and CRI notes on the pause container. */
function podResources(annotations: ReadonlyMap<string, string>): Partial<LinuxContainerResources> {
  const number = (key: string) => {
    const text = annotations.get(key) ?? "";
    return /^-?\d{1,18}$/.test(text) ? BigInt(text) : 0n;
  };
  return {
    cpuPeriod: number(CRI_ANNOTATION.sandboxCpuPeriod),
    cpuQuota: number(CRI_ANNOTATION.sandboxCpuQuota),
    memoryLimitInBytes: number(CRI_ANNOTATION.sandboxMemory),
  };
}

/** The only container's limits are the sandbox's. */
function ownResources(spec: Spec): Partial<LinuxContainerResources> {
  const { cpu, memory } = spec.linux?.resources ?? {};
  return {
    cpuPeriod: BigInt(cpu?.period ?? 0),
    cpuQuota: BigInt(cpu?.quota ?? 0),
    memoryLimitInBytes: BigInt(memory?.limit ?? 0),
  };
}
