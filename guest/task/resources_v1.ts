import type { Resources } from "../../lib/oci/mod.ts";
import type { Controller } from "./cgroup_folders.ts";

/** A file of a container's cgroup (v1) and what is to be written into it. */
export interface CgroupWriteV1 {
  controller: Controller;
  file: string;
  value: string;
}

const MEMORY = "memory.limit_in_bytes";
const MEMORY_AND_SWAP = "memory.memsw.limit_in_bytes";

/**
 * What an update of resources writes, in its order: the limit of memory may never be above that of memory and swap
 * together, so that of the two which grows is written first.
 *
 * @param currentLimit of memory, in bytes
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#control-groups
 */
export function cgroupWritesV1(resources: Resources, currentLimit: bigint): CgroupWriteV1[] {
  const { cpu, memory, pids } = resources;
  const writes: CgroupWriteV1[] = [];
  const add = (controller: Controller, file: string, value: number | bigint | string | null | undefined) => {
    if (value !== undefined && value !== null && value !== "") {
      writes.push({ controller, file, value: String(value) });
    }
  };
  if (cpu?.shares) add("cpu", "cpu.shares", cpu.shares);
  if (cpu?.period) add("cpu", "cpu.cfs_period_us", cpu.period);
  // 0 says nothing, as for the runtimes.
  if (cpu?.quota) add("cpu", "cpu.cfs_quota_us", cpu.quota);
  add("cpuset", "cpuset.cpus", cpu?.cpus);
  add("cpuset", "cpuset.mems", cpu?.mems);
  const limit = memory?.limit ? BigInt(memory.limit) : undefined;
  const both = memory?.swap ? BigInt(memory.swap) : undefined;
  const grows = limit !== undefined && (limit < 0n || limit > currentLimit);
  if (grows) {
    // What is not told may stand in the way of a limit that grows.
    add("memory", MEMORY_AND_SWAP, both ?? -1n);
    add("memory", MEMORY, limit);
  } else {
    add("memory", MEMORY, limit);
    add("memory", MEMORY_AND_SWAP, both);
  }
  if (memory?.reservation) add("memory", "memory.soft_limit_in_bytes", memory.reservation);
  if (pids?.limit) add("pids", "pids.max", BigInt(pids.limit) < 0n ? "max" : pids.limit);
  return writes;
}
