import type { Resources } from "../../../lib/oci/mod.ts";
import type {
  LinuxContainerResources,
  PodSandboxConfig,
} from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";

/**
 * The pod's limits with the overhead of its RuntimeClass, as the kubelet sums them up.
 *
 * @param overheadBytes of the sandbox's own, for a pod with a memory limit whose RuntimeClass tells none
 */
export function podResources({ linux }: PodSandboxConfig, overheadBytes: bigint): Resources {
  const parts = [linux?.resources, linux?.overhead].filter((part): part is LinuxContainerResources => !!part);
  const sum = (key: "cpuShares" | "cpuQuota") =>
    parts.reduce((total, part) => total + (part[key] > 0n ? part[key] : 0n), 0n);
  const limit = linux?.resources?.memoryLimitInBytes ?? 0n;
  const overhead = linux?.overhead?.memoryLimitInBytes ?? 0n;
  const quota = linux?.resources && linux.resources.cpuQuota > 0n ? sum("cpuQuota") : 0n;
  const period = linux?.resources?.cpuPeriod ?? 0n;
  const shares = sum("cpuShares");
  return {
    // An overhead that somebody has thought about takes the place of our guess.
    ...(limit > 0n ? { memory: { limit: limit + (overhead > 0n ? overhead : overheadBytes) } } : {}),
    cpu: {
      ...(shares > 0n ? { shares: Number(shares) } : {}),
      ...(quota > 0n ? { quota: Number(quota), period: Number(period > 0n ? period : 100_000n) } : {}),
    },
  };
}
