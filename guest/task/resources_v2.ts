import type { Resources } from "../../lib/oci/mod.ts";

/** A file of a container's cgroup and what is to be written into it. */
export interface CgroupWrite {
  file: string;
  value: string;
}

/** cgroup v1 shares (2 to 262144) as a v2 weight (1 to 10000), as the runtimes convert them. */
export function weightOfShares(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((bounded - 2) * 9999) / 262_142);
}

function limit(value: number | bigint): string {
  return BigInt(value) < 0n ? "max" : String(value);
}

/**
 * What an update of resources writes, in its order: for a memory limit that shrinks below the swap limit the order does
 * not matter in v2, whose swap limit does not count memory.
 *
 * @param memoryAndSwap is memory plus swap, as in the OCI specification
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#control-groups
 */
export function cgroupWrites(resources: Resources): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  const { cpu, memory, pids, unified } = resources as ResourcesV2;
  if (cpu?.shares) writes.push({ file: "cpu.weight", value: String(weightOfShares(Number(cpu.shares))) });
  if (cpu?.quota !== undefined && cpu.quota !== null || cpu?.period) {
    const quota = cpu?.quota ?? -1;
    const period = cpu?.period || 100_000;
    writes.push({ file: "cpu.max", value: `${BigInt(quota) > 0n ? quota : "max"} ${period}` });
  }
  if (cpu?.cpus) writes.push({ file: "cpuset.cpus", value: cpu.cpus });
  if (cpu?.mems) writes.push({ file: "cpuset.mems", value: cpu.mems });
  if (memory?.limit) writes.push({ file: "memory.max", value: limit(memory.limit) });
  if (memory?.reservation) writes.push({ file: "memory.low", value: limit(memory.reservation) });
  if (memory?.swap) {
    const unlimited = BigInt(memory.swap) < 0n || memory.limit === undefined;
    const swap = unlimited ? "max" : String(BigInt(memory.swap) - BigInt(memory.limit ?? 0));
    writes.push({ file: "memory.swap.max", value: swap });
  }
  if (pids?.limit) writes.push({ file: "pids.max", value: limit(pids.limit) });
  for (const [file, value] of Object.entries(unified ?? {})) writes.push({ file, value });
  return writes.filter(({ file }) => /^[a-z0-9_]+(\.[a-zA-Z0-9_]+)+$/.test(file));
}

/** The parts of `linux.resources` that a running container can be given. */
interface ResourcesV2 {
  cpu?: { shares?: number; quota?: number | bigint; period?: number; cpus?: string; mems?: string };
  memory?: { limit?: number | bigint; reservation?: number | bigint; swap?: number | bigint };
  pids?: { limit?: number | bigint };
  unified?: Record<string, string>;
}
