import { deepStrictEqual } from "node:assert/strict";
import { allFolders, v1Folders } from "./cgroup_folders.ts";

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
