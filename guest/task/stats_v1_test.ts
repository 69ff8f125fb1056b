import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { allFolders, v1Folders } from "./cgroup_folders.ts";
import { parseBlkio, readMetricsV1 } from "./stats_v1.ts";
import { UNLIMITED } from "./stats_v2.ts";

const MOUNTINFO = `32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

Deno.test("a cgroup lies in the hierarchy of each controller", () => {
  deepStrictEqual(v1Folders(MOUNTINFO, "/pod/c1"), {
    cpu: "/sys/fs/cgroup/cpu,cpuacct/pod/c1",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct/pod/c1",
    memory: "/sys/fs/cgroup/memory/pod/c1",
  });
  deepStrictEqual(v1Folders("", "/pod/c1"), {});
  deepStrictEqual(allFolders(MOUNTINFO, "/pod/c1"), [
    "/sys/fs/cgroup/cpu,cpuacct/pod/c1",
    "/sys/fs/cgroup/memory/pod/c1",
    "/sys/fs/cgroup/systemd/pod/c1",
    "/sys/fs/cgroup/unified/pod/c1",
  ]);
});

Deno.test("metrics come from the files of the controllers", () => {
  const files: Record<string, string> = {
    "cpuacct/cpuacct.usage": "123456789\n",
    "cpu/cpu.stat": "nr_periods 7\nnr_throttled 2\nthrottled_time 99\n",
    "memory/memory.stat": "cache 1\ntotal_rss 4096\ntotal_inactive_file 8192\ntotal_pgmajfault 3\n",
    "memory/memory.usage_in_bytes": "65536\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
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
});

Deno.test("what a device has read and written is told per operation, without the sum", () => {
  deepStrictEqual(parseBlkio("254:0 Read 4096\n254:0 Write 0\nTotal 4096\nnonsense\n"), [
    { device: "", op: "Read", major: 254n, minor: 0n, value: 4096n },
    { device: "", op: "Write", major: 254n, minor: 0n, value: 0n },
  ]);
});
