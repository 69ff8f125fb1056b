import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { ownProcs } from "./own_procs.ts";

const V1 = "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
const V2 = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

Deno.test("a process finds its cgroup in the hierarchy of either version", () => {
  strictEqual(ownProcs("0::/a.slice/b.service\n", V2), "/sys/fs/cgroup/a.slice/b.service/cgroup.procs");
  strictEqual(ownProcs("0::/\n", V2), "/sys/fs/cgroup/cgroup.procs");
  strictEqual(ownProcs("7:memory:/a:b\n0::/u\n", V1), "/sys/fs/cgroup/memory/a:b/cgroup.procs");
  strictEqual(ownProcs("7:cpu,cpuacct:/a\n", V1), undefined);
});

Deno.test("a hierarchy of which only a part is mounted is none", () => {
  strictEqual(ownProcs("0::/a\n", V2.replace(" / ", " /part ")), undefined);
  strictEqual(ownProcs("0::/../a\n", V2.replace(" / ", " /../.. ")), undefined);
});

Deno.test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (cgroup, mounts) => {
    ownProcs(cgroup, mounts);
    ownProcs(`0::${cgroup}`, V2);
  }));
});
