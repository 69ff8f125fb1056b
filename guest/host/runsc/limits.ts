import type { Followed } from "../../../lib/gvisor/mod.ts";
import type { Resources } from "../../../lib/oci/mod.ts";

/** Kernels count CPU quotas in this period unless told otherwise, in µs. */
const PERIOD = 100_000n;

/** No limit, for a cgroup that may have had one. */
const NONE = -1n;

/**
 * The limits of a sandbox whose containers have these: gVisor has no limit per container, so their sum holds for all of them
 * together, as the kubelet reckons for a pod. A container without a limit leaves the sandbox without.
 */
export function sandboxLimits(containers: readonly Resources[], { overheadBytes, cpu }: Followed): Resources {
  const memory = sum(containers.map((one) => BigInt(one.memory?.limit ?? 0)));
  const quota = sum(containers.map((one) => {
    const [quota, period] = [BigInt(one.cpu?.quota ?? 0), BigInt(one.cpu?.period || PERIOD)];
    return quota > 0n ? quota * PERIOD / period : 0n;
  }));
  return {
    ...(overheadBytes === undefined
      ? {}
      : { memory: { limit: memory === NONE ? NONE : memory + overheadBytes } }),
    ...(cpu ? { cpu: { quota: Number(quota), period: Number(PERIOD) } } : {}),
  };
}

/** {@link NONE} where any value is no limit, or there is none. */
function sum(values: readonly bigint[]): bigint {
  if (values.length === 0 || values.some((value) => value <= 0n)) return NONE;
  return values.reduce((total, value) => total + value, 0n);
}

/** What an update leaves of a container's limits: what it does not name stays. */
export function mergeLimits(before: Resources, change: Resources): Resources {
  const named = <T extends object>(part: T | undefined) =>
    Object.fromEntries(
      Object.entries(part ?? {}).filter(([, value]) => value !== 0 && value !== "" && value !== null),
    );
  return {
    memory: { ...before.memory, ...named(change.memory) },
    cpu: { ...before.cpu, ...named(change.cpu) },
  };
}
