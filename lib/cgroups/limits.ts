import { KuasarError } from "../errors/mod.ts";
import { hierarchies, type Hierarchy } from "./hierarchies.ts";

/** Limits of one cgroup: null where it has none, undefined where it is not there or has not that controller. */
export interface CgroupLimits {
  memoryBytes?: number | null;
  cpuQuotaUs?: number | null;
  cpuPeriodUs?: number;
}

/** Version 1 writes the largest number of whole pages where there is no limit. */
const NO_MEMORY_LIMIT = 2 ** 62;

const MEMORY = {
  1: { limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes" },
  2: { limit: "memory.max", usage: "memory.current" },
} as const;

/** What a cgroup is limited to by itself, whatever those above it are. One that is not there has no limits. */
export function cgroupLimits(path: string, trees: readonly Hierarchy[] = hierarchies()): CgroupLimits {
  const limits: CgroupLimits = {};
  for (const { root, version } of trees) {
    const read = (name: string) => textOf(`${root}${path}/${name}`);
    const memory = read(MEMORY[version].limit);
    // `max` is no number.
    if (memory !== undefined) limits.memoryBytes = Number(memory) < NO_MEMORY_LIMIT ? Number(memory) : null;
    const [quota, period] = version === 2
      ? read("cpu.max")?.split(" ") ?? []
      : [read("cpu.cfs_quota_us"), read("cpu.cfs_period_us")];
    if (quota === undefined) continue;
    limits.cpuQuotaUs = Number(quota) > 0 ? Number(quota) : null;
    limits.cpuPeriodUs = Number(period);
  }
  return limits;
}

/**
 * Sets the limits of a cgroup that are named; what is null or undefined stays.
 *
 * @throws KuasarError FAILED_PRECONDITION where it uses more memory than it is to have, or the kernel refuses
 */
export function setCgroupLimits(
  path: string,
  { memoryBytes, cpuQuotaUs, cpuPeriodUs }: CgroupLimits,
  trees: readonly Hierarchy[] = hierarchies(),
): void {
  for (const { root, version } of trees) {
    const folder = root + path;
    const { limit, usage } = MEMORY[version];
    if (typeof memoryBytes === "number" && textOf(`${folder}/${limit}`) !== undefined) {
      // Version 2 would end processes until there is room.
      const used = Number(textOf(`${folder}/${usage}`));
      if (used > memoryBytes) throw refused(folder, `it uses ${used} bytes and is to have ${memoryBytes}`);
      write(folder, limit, `${memoryBytes}`);
    }
    if (typeof cpuQuotaUs !== "number") continue;
    if (version === 2 && textOf(`${folder}/cpu.max`) !== undefined) {
      write(folder, "cpu.max", `${cpuQuotaUs} ${cpuPeriodUs ?? ""}`.trim());
    } else if (version === 1 && textOf(`${folder}/cpu.cfs_quota_us`) !== undefined) {
      if (cpuPeriodUs !== undefined) write(folder, "cpu.cfs_period_us", `${cpuPeriodUs}`);
      write(folder, "cpu.cfs_quota_us", `${cpuQuotaUs}`);
    }
  }
}

function write(folder: string, name: string, value: string): void {
  try {
    Deno.writeTextFileSync(`${folder}/${name}`, value);
  } catch (cause) {
    throw refused(folder, `${name} does not take ${value}: ${(cause as Error).message}`, cause);
  }
}

function refused(folder: string, reason: string, cause?: unknown): KuasarError {
  return new KuasarError("FAILED_PRECONDITION", `Cannot limit the cgroup ${folder}: ${reason}`, {
    ...(cause !== undefined && { cause }),
  });
}

/** Undefined where there is no such file: another controller's, or the cgroup is not there. */
function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}
