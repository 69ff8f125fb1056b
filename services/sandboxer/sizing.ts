import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type { SandboxerConfig } from "./config.ts";

const MIB = 1n << 20n;

/** Size of a VM; 0 takes the driver's default. */
export interface VmSize {
  vcpus: number;
  memoryMib: number;
}

/**
 * Derives the size of the VM from the resources that kubelet sums up for the pod.
 *
 * The memory limit is what containers may use, so the guest's own share is added on top: a container that reaches
 * its limit must be killed by its cgroup and not take the whole guest with it.
 */
export function vmSize(config: PodSandboxConfig, sizing: SandboxerConfig["sizing"]): VmSize {
  const parts = [config.linux?.resources, config.linux?.overhead].filter((part) => part !== undefined);
  const cpus = parts.reduce((sum, { cpuQuota, cpuPeriod }) => {
    return sum + (cpuQuota > 0n && cpuPeriod > 0n ? Number(cpuQuota) / Number(cpuPeriod) : 0);
  }, 0);
  const limit = config.linux?.resources?.memoryLimitInBytes ?? 0n;
  const overhead = config.linux?.overhead?.memoryLimitInBytes ?? 0n;
  // Without a limit for the containers an overhead alone says nothing about the whole.
  const bytes = limit > 0n ? limit + (overhead > 0n ? overhead : 0n) : 0n;
  const memoryMib = Number((bytes + MIB - 1n) / MIB);
  return {
    vcpus: Math.min(Math.ceil(cpus), sizing.max_vcpus),
    memoryMib: memoryMib === 0 ? 0 : Math.max(memoryMib + sizing.guest_overhead_mib, sizing.min_memory_mib),
  };
}
