import { type CgroupLimits, cgroupLimits } from "../../lib/cgroups/mod.ts";
import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type { Context } from "./context.ts";
import { parentCgroup } from "./pod_cgroup.ts";
import type { SandboxRecord } from "./record.ts";

/** Which limits hold for a pod as a whole. */
export interface HeldLimits {
  memory: boolean;
  cpu: boolean;
}

/** Without a pod's cgroup nobody says otherwise. */
const ALL: HeldLimits = { memory: true, cpu: true };

/**
 * Which of the limits that CRI tells of a pod are the pod's own. The kubelet sums up what limits its containers have, also where
 * others have none; then the cgroup that it has made for the pod has none either.
 */
export function heldLimits({ cgroupTrees }: Context, record: SandboxRecord): HeldLimits {
  const parent = parentCgroup(record);
  // A task without a pod has its limits for itself, wherever its cgroup is.
  if (parent === "" || record.standalone && !record.criDir) return ALL;
  const { memoryBytes, cpuQuotaUs }: CgroupLimits = cgroupLimits(parent, cgroupTrees);
  return { memory: memoryBytes !== null, cpu: cpuQuotaUs !== null };
}

/** A pod's configuration without the limits that do not hold for the pod. */
export function withHeldLimits(pod: PodSandboxConfig, held: HeldLimits): PodSandboxConfig {
  const { linux } = pod;
  if (linux?.resources === undefined) return pod;
  const resources = {
    ...linux.resources,
    ...(held.memory ? {} : { memoryLimitInBytes: 0n }),
    ...(held.cpu ? {} : { cpuQuota: 0n }),
  };
  return { ...pod, linux: { ...linux, resources } };
}
