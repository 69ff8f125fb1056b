import type { Metrics } from "../proto/gen/cgroups/v1.ts";
import type { Metrics as MetricsV2 } from "../proto/gen/cgroups/v2.ts";
import { parseFlat, parseNumber, UNLIMITED } from "./v2.ts";

/** The controllers of which anything is read. */
export type V1Controller = "cpu" | "cpuacct" | "memory" | "pids" | "blkio";

/** Reads one file of a cgroup; empty where the controller or the file is not there. */
export type ReadV1 = (controller: V1Controller, name: string) => string;

/** The kernel tells "no limit" as the largest number of whole pages. */
const NO_LIMIT_FROM = 1n << 62n;

type BlkioEntries = NonNullable<Metrics["blkio"]>["ioServicedRecursive"];

/** `blkio.*`: `MAJ:MIN Read 4096` a line; the last line is a sum. */
export function parseBlkio(text: string): BlkioEntries {
  return text.split("\n").flatMap((line) => {
    const match = /^(\d{1,6}):(\d{1,8}) (\w{1,16}) (\d{1,20})$/.exec(line);
    if (!match) return [];
    const [, major, minor, op, value] = match;
    return [{ device: "", op: op!, major: BigInt(major!), minor: BigInt(minor!), value: BigInt(value!) }];
  });
}

/**
 * The metrics of a cgroup (v1).
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
 */
export function readMetricsV1(read: ReadV1): Metrics {
  const number = (controller: V1Controller, name: string) => parseNumber(read(controller, name));
  const limit = (controller: V1Controller, name: string) => {
    const text = read(controller, name);
    const value = parseNumber(text);
    return text === "" || value >= NO_LIMIT_FROM ? UNLIMITED : value;
  };
  const memory = parseFlat(read("memory", "memory.stat"));
  const throttling = parseFlat(read("cpu", "cpu.stat"));
  const oom = parseFlat(read("memory", "memory.oom_control"));
  const m = (key: string) => memory.get(key) ?? 0n;
  const t = (key: string) => throttling.get(key) ?? 0n;
  const entry = (prefix: string) => ({
    limit: limit("memory", `${prefix}.limit_in_bytes`),
    usage: number("memory", `${prefix}.usage_in_bytes`),
    max: number("memory", `${prefix}.max_usage_in_bytes`),
    failcnt: number("memory", `${prefix}.failcnt`),
  });
  return {
    pids: { current: number("pids", "pids.current"), limit: limit("pids", "pids.max") },
    cpu: {
      usage: {
        total: number("cpuacct", "cpuacct.usage"),
        kernel: number("cpuacct", "cpuacct.usage_sys"),
        user: number("cpuacct", "cpuacct.usage_user"),
      },
      throttling: {
        periods: t("nr_periods"),
        throttledPeriods: t("nr_throttled"),
        throttledTime: t("throttled_time"),
      },
    },
    memory: {
      cache: m("cache"),
      rss: m("rss"),
      mappedFile: m("mapped_file"),
      dirty: m("dirty"),
      writeback: m("writeback"),
      pgFault: m("pgfault"),
      pgMajFault: m("pgmajfault"),
      inactiveAnon: m("inactive_anon"),
      activeAnon: m("active_anon"),
      inactiveFile: m("inactive_file"),
      activeFile: m("active_file"),
      unevictable: m("unevictable"),
      hierarchicalMemoryLimit: m("hierarchical_memory_limit"),
      totalCache: m("total_cache"),
      totalRss: m("total_rss"),
      totalMappedFile: m("total_mapped_file"),
      totalDirty: m("total_dirty"),
      totalWriteback: m("total_writeback"),
      totalPgFault: m("total_pgfault"),
      totalPgMajFault: m("total_pgmajfault"),
      totalInactiveAnon: m("total_inactive_anon"),
      totalActiveAnon: m("total_active_anon"),
      totalInactiveFile: m("total_inactive_file"),
      totalActiveFile: m("total_active_file"),
      totalUnevictable: m("total_unevictable"),
      usage: entry("memory"),
      swap: entry("memory.memsw"),
      kernel: entry("memory.kmem"),
    },
    blkio: {
      ioServiceBytesRecursive: parseBlkio(read("blkio", "blkio.throttle.io_service_bytes_recursive")),
      ioServicedRecursive: parseBlkio(read("blkio", "blkio.throttle.io_serviced_recursive")),
    },
    memoryOomControl: {
      oomKillDisable: oom.get("oom_kill_disable") ?? 0n,
      underOom: oom.get("under_oom") ?? 0n,
      oomKill: oom.get("oom_kill") ?? 0n,
    },
  };
}

/** The same in the shape of version 2, with what both know; times are microseconds there. */
export function asV2({ pids, cpu, memory, blkio, memoryOomControl }: Metrics): MetricsV2 {
  const { usage, throttling } = cpu ?? {};
  const us = (ns: bigint | undefined) => (ns ?? 0n) / 1000n;
  const m = (key: keyof NonNullable<Metrics["memory"]>) => (memory?.[key] ?? 0n) as bigint;
  const used = memory?.usage ?? { limit: UNLIMITED, usage: 0n, max: 0n, failcnt: 0n };
  // With the memory in it, and 0 where swap is not accounted.
  const swap = memory?.swap ?? { limit: UNLIMITED, usage: 0n };
  return {
    pids,
    cpu: {
      usageUsec: us(usage?.total),
      userUsec: us(usage?.user),
      systemUsec: us(usage?.kernel),
      nrPeriods: throttling?.periods ?? 0n,
      nrThrottled: throttling?.throttledPeriods ?? 0n,
      throttledUsec: us(throttling?.throttledTime),
    },
    memory: {
      anon: m("totalRss"),
      file: m("totalCache"),
      kernelStack: 0n,
      slab: 0n,
      sock: 0n,
      shmem: 0n,
      fileMapped: m("totalMappedFile"),
      fileDirty: m("totalDirty"),
      fileWriteback: m("totalWriteback"),
      anonThp: 0n,
      inactiveAnon: m("totalInactiveAnon"),
      activeAnon: m("totalActiveAnon"),
      inactiveFile: m("totalInactiveFile"),
      activeFile: m("totalActiveFile"),
      unevictable: m("totalUnevictable"),
      slabReclaimable: 0n,
      slabUnreclaimable: 0n,
      pgfault: m("totalPgFault"),
      pgmajfault: m("totalPgMajFault"),
      usage: used.usage,
      usageLimit: used.limit,
      swapUsage: swap.usage > used.usage ? swap.usage - used.usage : 0n,
      swapLimit: swap.limit === UNLIMITED ? UNLIMITED : swap.limit - used.limit,
      maxUsage: used.max,
    },
    io: { usage: ioEntries(blkio) },
    hugetlb: [],
    memoryEvents: {
      low: 0n,
      high: 0n,
      max: used.failcnt,
      oom: 0n,
      oomKill: memoryOomControl?.oomKill ?? 0n,
    },
  };
}

type IoEntry = NonNullable<MetricsV2["io"]>["usage"][number];

/** By device instead of by device and operation. */
function ioEntries(blkio: Metrics["blkio"]): IoEntry[] {
  const found = new Map<string, IoEntry>();
  const add = (
    entries: BlkioEntries,
    keys: Readonly<Record<string, "rbytes" | "wbytes" | "rios" | "wios">>,
  ) => {
    for (const { major, minor, op, value } of entries) {
      const device = `${major}:${minor}`;
      const entry = found.get(device) ?? { major, minor, rbytes: 0n, wbytes: 0n, rios: 0n, wios: 0n };
      found.set(device, entry);
      const key = keys[op];
      if (key !== undefined) entry[key] = value;
    }
  };
  add(blkio?.ioServiceBytesRecursive ?? [], { Read: "rbytes", Write: "wbytes" });
  add(blkio?.ioServicedRecursive ?? [], { Read: "rios", Write: "wios" });
  return [...found.values()];
}
