import type { Metrics } from "../../lib/proto/gen/cgroups/v1.ts";
import type { Controller } from "./cgroup_folders.ts";
import { parseFlat, parseNumber, UNLIMITED } from "./stats_v2.ts";

/** Reads one file of a cgroup; empty where the controller or the file is not there. */
export type ReadCgroupFileV1 = (controller: Controller, name: string) => string;

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
 * The metrics of a container from its cgroup (v1).
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
 */
export function readMetricsV1(read: ReadCgroupFileV1): Metrics {
  const number = (controller: Controller, name: string) => parseNumber(read(controller, name));
  const limit = (controller: Controller, name: string) => {
    const text = read(controller, name);
    const value = parseNumber(text);
    return text === "" || value >= NO_LIMIT_FROM ? UNLIMITED : value;
  };
  const memory = parseFlat(read("memory", "memory.stat"));
  const throttling = parseFlat(read("cpu", "cpu.stat"));
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
  };
}
