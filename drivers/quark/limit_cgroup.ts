import { hierarchies, type Hierarchy } from "../../lib/cgroups/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";

/** A file of a cgroup and what is to be written into it. */
export interface LimitWrite {
  file: string;
  value: string;
}

/** What limits a cgroup of either version: nothing where there is no limit. */
export function limitWrites({ memory, cpu }: Resources, version: 1 | 2): LimitWrite[] {
  const writes: LimitWrite[] = [];
  const limit = BigInt(memory?.limit ?? 0);
  if (limit > 0n) {
    writes.push({ file: version === 2 ? "memory.max" : "memory.limit_in_bytes", value: String(limit) });
  }
  const quota = BigInt(cpu?.quota ?? 0);
  if (quota <= 0n) return writes;
  const period = cpu?.period || 100_000;
  if (version === 2) return [...writes, { file: "cpu.max", value: `${quota} ${period}` }];
  return [...writes, { file: "cpu.cfs_period_us", value: String(period) }, {
    file: "cpu.cfs_quota_us",
    value: String(quota),
  }];
}

/**
 * Limits a pod's cgroup. A file is written in every hierarchy that has it.
 *
 * @param cgroup below each hierarchy's root; nothing is done where it is empty
 * @throws KuasarError FAILED_PRECONDITION where the kernel does not take a limit
 */
export function limitCgroup(
  cgroup: string,
  resources: Resources,
  trees: readonly Hierarchy[] = hierarchies(),
): void {
  if (cgroup === "") return;
  for (const { root, version } of trees) {
    for (const { file, value } of limitWrites(resources, version)) {
      const path = `${root}${cgroup}/${file}`;
      try {
        Deno.writeTextFileSync(path, value, { create: false });
      } catch (cause) {
        if (cause instanceof Deno.errors.NotFound) continue;
        throw new KuasarError(
          "FAILED_PRECONDITION",
          `Cannot set ${path} to ${value}: ${(cause as Error).message}`,
          { cause },
        );
      }
    }
  }
}
