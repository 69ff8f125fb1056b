import type { Metrics } from "../proto/gen/cgroups/v2.ts";

/** "max" on the wire: containerd takes anything above 2^62 for unlimited. */
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** Reads one file of a cgroup; empty where the controller or the file is not there. */
export type ReadV2 = (name: string) => string;

/** One number, or "max". */
export function parseNumber(text: string): bigint {
  const word = text.trim();
  if (word === "max") return UNLIMITED;
  return /^\d{1,20}$/.test(word) ? BigInt(word) : 0n;
}

/** A flat-keyed file: one `key value` a line. */
export function parseFlat(text: string): Map<string, bigint> {
  const pairs = text.split("\n").map((line) => line.split(" "));
  return new Map(
    pairs.filter((pair) => pair.length === 2).map(([key, value]) => [key!, parseNumber(value!)]),
  );
}

/** `io.stat`: `MAJ:MIN rbytes=1 wbytes=2 rios=3 wios=4 ...` a line. */
function parseIo(text: string): Metrics["io"] {
  const usage = text.split("\n").flatMap((line) => {
    const [device, ...fields] = line.trim().split(" ");
    const match = device?.match(/^(\d+):(\d+)$/);
    if (!match) return [];
    const values = new Map(fields.map((field) => field.split("=") as [string, string]));
    const value = (key: string) => parseNumber(values.get(key) ?? "");
    return [{
      major: BigInt(match[1]!),
      minor: BigInt(match[2]!),
      rbytes: value("rbytes"),
      wbytes: value("wbytes"),
      rios: value("rios"),
      wios: value("wios"),
    }];
  });
  return { usage };
}

/**
 * The metrics of a cgroup (v2).
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export function readMetrics(read: ReadV2): Metrics {
  const cpu = parseFlat(read("cpu.stat"));
  const memory = parseFlat(read("memory.stat"));
  const events = parseFlat(read("memory.events"));
  const from = (map: Map<string, bigint>) => (key: string) => map.get(key) ?? 0n;
  const [c, m, e] = [from(cpu), from(memory), from(events)];
  const limit = (name: string) => (read(name) === "" ? UNLIMITED : parseNumber(read(name)));
  return {
    pids: { current: parseNumber(read("pids.current")), limit: limit("pids.max") },
    cpu: {
      usageUsec: c("usage_usec"),
      userUsec: c("user_usec"),
      systemUsec: c("system_usec"),
      nrPeriods: c("nr_periods"),
      nrThrottled: c("nr_throttled"),
      throttledUsec: c("throttled_usec"),
    },
    memory: {
      anon: m("anon"),
      file: m("file"),
      kernelStack: m("kernel_stack"),
      slab: m("slab"),
      sock: m("sock"),
      shmem: m("shmem"),
      fileMapped: m("file_mapped"),
      fileDirty: m("file_dirty"),
      fileWriteback: m("file_writeback"),
      anonThp: m("anon_thp"),
      inactiveAnon: m("inactive_anon"),
      activeAnon: m("active_anon"),
      inactiveFile: m("inactive_file"),
      activeFile: m("active_file"),
      unevictable: m("unevictable"),
      slabReclaimable: m("slab_reclaimable"),
      slabUnreclaimable: m("slab_unreclaimable"),
      pgfault: m("pgfault"),
      pgmajfault: m("pgmajfault"),
      usage: parseNumber(read("memory.current")),
      usageLimit: limit("memory.max"),
      swapUsage: parseNumber(read("memory.swap.current")),
      swapLimit: limit("memory.swap.max"),
      maxUsage: parseNumber(read("memory.peak")),
    },
    io: parseIo(read("io.stat")),
    hugetlb: [],
    memoryEvents: { low: e("low"), high: e("high"), max: e("max"), oom: e("oom"), oomKill: e("oom_kill") },
  };
}
