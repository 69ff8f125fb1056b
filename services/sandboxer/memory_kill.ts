import { childCgroups, memoryKills } from "../../lib/cgroups/mod.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { fromBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import type { SandboxRecord } from "./record.ts";

const MIB = 1 << 20;

/**
 * Why the memory controller of the host has ended a process of a sandbox with a kernel of its own, and what would have made room: the
 * process exits with 137 and has no last words. To be asked as long as the sandbox's cgroup is there.
 *
 * @returns undefined where it has ended none
 */
export function memoryKill({ cgroupTrees, config }: Context, record: SandboxRecord): string | undefined {
  const { cgroup, onHost, ownKernel, memoryMib } = record;
  // Where containers are processes of the host, a kill is theirs.
  if (cgroup === undefined || onHost && !ownKernel) return undefined;
  const what = onHost ? "sandbox" : "VM";
  // An application kernel has a cgroup of its own in it.
  const kills = [cgroup, ...childCgroups(cgroup, cgroupTrees)]
    .map((path) => memoryKills(path, cgroupTrees))
    .find((found) => found !== undefined && found.count > 0);
  if (kills === undefined) return undefined;
  const { limit } = kills;
  if (limit === undefined) return `the host ran out of memory and its kernel ended the ${what}`;
  const reached = `the host's memory controller ended the ${what}: the limit of ${limit.cgroup} is ${
    Math.floor(limit.bytes / MIB)
  } MiB`;
  if (onHost) return `${reached}, for all of the pod and its kernel (runtime.overhead_in_mb)`;
  const { vmm_overhead_mib: vmmMib } = config.sizing;
  const need = `where the guest has ${memoryMib} MiB and what runs it up to ${vmmMib} MiB`;
  return `${reached}, ${need}; ${remedy(config, record)}`;
}

function remedy({ sizing }: Context["config"], { memoryMib, podConfig }: SandboxRecord): string {
  const { guest_overhead_mib, vmm_overhead_mib, min_memory_mib } = sizing;
  const pod = PodSandboxConfig.decode(fromBase64(podConfig)).linux;
  const limitMib = mib(pod?.resources?.memoryLimitInBytes);
  const overheadMib = mib(pod?.overhead?.memoryLimitInBytes);
  if (limitMib === 0) {
    return `a limit of ${memoryMib + vmm_overhead_mib} MiB would do, or a guest with less (memory_in_mb)`;
  }
  const enoughMib = Math.max(guest_overhead_mib, min_memory_mib - limitMib) + vmm_overhead_mib;
  const told = `overhead.podFixed.memory of the pod's RuntimeClass is ${overheadMib} MiB`;
  return overheadMib < enoughMib
    ? `${told}, ${enoughMib} MiB would do`
    : `${told}, and with it sizing.vmm_overhead_mib has to be more`;
}

function mib(bytes: bigint | undefined): number {
  return bytes !== undefined && bytes > 0n ? Math.ceil(Number(bytes) / MIB) : 0;
}
