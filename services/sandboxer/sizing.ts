import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type { InfoResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { SandboxerConfig } from "./config.ts";
import type { HeldLimits } from "./held_limits.ts";

const MIB = 1n << 20n;

/** Size of a VM; 0 takes the driver's default. */
export interface VmSize {
  vcpus: number;
  memoryMib: number;
}

/**
 * Derives the size of the VM from the resources that kubelet sums up for the pod.
 *
 * The memory limit is what containers may use, so the guest's own share is added on top: a container that reaches its limit must
 * be killed by its cgroup and not take the whole guest with it. The pod's cgroup on the host has limit and RuntimeClass's overhead
 * for the guest and what runs it: of the overhead the guest has what the VMM leaves.
 *
 * A limit that does not hold for the pod is what some of its containers may use; the others have the driver's default.
 *
 * @param unheld what a VM without limits has, of what is not limited for the pod as a whole
 */
export function vmSize(
  config: PodSandboxConfig,
  sizing: SandboxerConfig["sizing"],
  unheld: Partial<VmSize> = {},
): VmSize {
  const parts = [config.linux?.resources, config.linux?.overhead].filter((part) => part !== undefined);
  const cpus = parts.reduce((sum, { cpuQuota, cpuPeriod }) => {
    return sum + (cpuQuota > 0n && cpuPeriod > 0n ? Number(cpuQuota) / Number(cpuPeriod) : 0);
  }, 0);
  const limitMib = mib(config.linux?.resources?.memoryLimitInBytes);
  const overheadMib = mib(config.linux?.overhead?.memoryLimitInBytes);
  const guestMib = unheld.memoryMib ??
    Math.max(sizing.guest_overhead_mib, overheadMib - sizing.vmm_overhead_mib);
  return {
    vcpus: cpus === 0 ? 0 : Math.min(Math.ceil(cpus + (unheld.vcpus ?? 0)), sizing.max_vcpus),
    // Without a limit for the containers an overhead alone says nothing about the whole.
    memoryMib: limitMib === 0 ? 0 : Math.max(limitMib + guestMib, sizing.min_memory_mib),
  };
}

/** What a driver gives by default of what is not limited for a pod as a whole. */
export function unheldDefaults({ memory, cpu }: HeldLimits, info: InfoResponse): Partial<VmSize> {
  return {
    ...(!memory && { memoryMib: Number(info.memoryMib) }),
    ...(!cpu && { vcpus: info.vcpus }),
  };
}

function mib(bytes = 0n): number {
  return bytes > 0n ? Number((bytes + MIB - 1n) / MIB) : 0;
}
