import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { asV2, parseBlkio, readMetricsV1 } from "./v1.ts";
import { UNLIMITED } from "./v2.ts";

Deno.test("metrics come from the files of the controllers", () => {
  const files: Record<string, string> = {
    "cpuacct/cpuacct.usage": "123456789\n",
    "cpu/cpu.stat": "nr_periods 7\nnr_throttled 2\nthrottled_time 99\n",
    "memory/memory.stat": "cache 1\ntotal_rss 4096\ntotal_inactive_file 8192\ntotal_pgmajfault 3\n",
    "memory/memory.usage_in_bytes": "65536\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "blkio/blkio.throttle.io_service_bytes_recursive": "8:0 Read 512\n8:0 Write 1024\nTotal 1536\n",
    "blkio/blkio.throttle.io_serviced_recursive": "8:0 Read 1\n8:0 Write 2\nTotal 3\n",
    "pids/pids.current": "3\n",
    "pids/pids.max": "max\n",
  };
  const metrics = readMetricsV1((controller, name) => files[`${controller}/${name}`] ?? "");
  strictEqual(metrics.cpu!.usage!.total, 123456789n);
  strictEqual(metrics.cpu!.throttling!.throttledPeriods, 2n);
  strictEqual(metrics.memory!.totalRss, 4096n);
  strictEqual(metrics.memory!.totalInactiveFile, 8192n);
  strictEqual(metrics.memory!.usage!.usage, 65536n);
  strictEqual(metrics.memory!.usage!.limit, UNLIMITED);
  deepStrictEqual(metrics.pids, { current: 3n, limit: UNLIMITED });
  strictEqual(metrics.memoryOomControl!.oomKill, 2n);
  const v2 = asV2(metrics);
  deepStrictEqual([v2.cpu!.usageUsec, v2.cpu!.nrThrottled], [123456n, 2n]);
  const { anon, usage, usageLimit, inactiveFile, pgmajfault, swapUsage } = v2.memory!;
  deepStrictEqual(
    [anon, usage, usageLimit, inactiveFile, pgmajfault, swapUsage],
    [4096n, 65536n, UNLIMITED, 8192n, 3n, 0n],
  );
  strictEqual(v2.memoryEvents!.oomKill, 2n);
  deepStrictEqual(v2.io!.usage, [{ major: 8n, minor: 0n, rbytes: 512n, wbytes: 1024n, rios: 1n, wios: 2n }]);
});

Deno.test("what a device has read and written is told per operation, without the sum", () => {
  deepStrictEqual(parseBlkio("254:0 Read 4096\n254:0 Write 0\nTotal 4096\nnonsense\n"), [
    { device: "", op: "Read", major: 254n, minor: 0n, value: 4096n },
    { device: "", op: "Write", major: 254n, minor: 0n, value: 0n },
  ]);
});
