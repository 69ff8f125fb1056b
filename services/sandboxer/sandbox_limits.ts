import { cgroupLimits, childCgroups, type Hierarchy, setCgroupLimits } from "../../lib/cgroups/mod.ts";
import type { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

const PERIOD_US = 100_000;

/**
 * Lets the limits of a sandbox's cgroups follow its pod's: by as much as those have changed, since the driver has added what its
 * kernel needs. A cgroup without a limit has none afterwards either, since the pod's holds.
 *
 * @param cgroup of the sandbox below each hierarchy's root
 * @throws FAILED_PRECONDITION where the sandbox uses more than it is to have
 */
export function moveSandboxLimits(
  cgroup: string,
  before: PodSandboxConfig,
  after: PodSandboxConfig,
  trees: readonly Hierarchy[],
): void {
  const [old, wanted] = [limitsOf(before), limitsOf(after)];
  const memory = old.memoryBytes > 0 && wanted.memoryBytes > 0 ? wanted.memoryBytes - old.memoryBytes : 0;
  const cpu = old.cpus > 0 && wanted.cpus > 0 ? wanted.cpus - old.cpus : 0;
  for (const path of [cgroup, ...childCgroups(cgroup, trees)]) {
    const { memoryBytes, cpuQuotaUs, cpuPeriodUs = PERIOD_US } = cgroupLimits(path, trees);
    setCgroupLimits(path, {
      ...(memory !== 0 && typeof memoryBytes === "number" && { memoryBytes: memoryBytes + memory }),
      ...(cpu !== 0 && typeof cpuQuotaUs === "number" && {
        cpuQuotaUs: Math.round(cpuQuotaUs + cpu * cpuPeriodUs),
        cpuPeriodUs,
      }),
    }, trees);
  }
}

/** With the overhead of the RuntimeClass; 0 where there is no limit. */
function limitsOf({ linux }: PodSandboxConfig): { memoryBytes: number; cpus: number } {
  const parts = [linux?.resources, linux?.overhead].filter((part) => part !== undefined);
  const memory = Number(linux?.resources?.memoryLimitInBytes ?? 0n);
  const limited = (linux?.resources?.cpuQuota ?? 0n) > 0n;
  return {
    memoryBytes: memory > 0 ? parts.reduce((sum, part) => sum + Number(part.memoryLimitInBytes), 0) : 0,
    cpus: limited
      ? parts.reduce(
        (sum, { cpuQuota, cpuPeriod }) =>
          sum + Math.max(0, Number(cpuQuota)) / (Number(cpuPeriod) || PERIOD_US),
        0,
      )
      : 0,
  };
}
