import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { parseMountinfo } from "../mounts/mod.ts";
import { killProcess, spawnWithFds } from "../process/mod.ts";
import { cgroupFolders, cgroupPath, hierarchies, makeCgroup, removeCgroup } from "./mod.ts";

const V1 = `32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

Deno.test("a host with version 1 uses its controllers, another the one tree of version 2", () => {
  deepStrictEqual(hierarchies(parseMountinfo(V1)).map(({ root }) => root), [
    "/sys/fs/cgroup/cpu,cpuacct",
    "/sys/fs/cgroup/memory",
  ]);
  const v2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  deepStrictEqual(hierarchies(parseMountinfo(v2)), [{ root: "/sys/fs/cgroup", version: 2 }]);
  deepStrictEqual(hierarchies([]), []);
});

Deno.test("parents are paths or slices", () => {
  strictEqual(cgroupPath(""), "");
  strictEqual(cgroupPath("/"), "");
  strictEqual(cgroupPath("/kubepods/besteffort/pod1-2/"), "/kubepods/besteffort/pod1-2");
  strictEqual(
    cgroupPath("kubepods-burstable-pod1_2.slice"),
    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice",
  );
  for (const bad of ["/a/../b", "..", "/a b", "/a\n", "x".repeat(2000), "/a\0"]) {
    throws(() => cgroupPath(bad), { code: "INVALID_ARGUMENT" }, JSON.stringify(bad));
  }
});

Deno.test("no parent leads out of the hierarchy", () => {
  fc.assert(fc.property(fc.string(), (parent) => {
    try {
      const path = new URL(`file:///root${cgroupPath(parent)}`).pathname;
      ok(path === "/root" || path.startsWith("/root/"), path);
    } catch (error) {
      strictEqual((error as { code?: string }).code, "INVALID_ARGUMENT");
    }
  }));
});

Deno.test({
  name: "a process starts in its cgroup, which is removed when the process has ended",
  ignore: Deno.uid() !== 0 || hierarchies().length === 0,
  fn: async () => {
    const path = `/kuasar-test-${Deno.pid}/pod`;
    const folders = makeCgroup(path);
    deepStrictEqual(makeCgroup(path), folders);
    deepStrictEqual(cgroupFolders(path), folders);
    const { pid, ref, exited } = await spawnWithFds("/bin/sleep", ["60"], { cgroups: folders });
    // It is a shell until it has joined them all.
    while (Deno.readTextFileSync(`/proc/${pid}/comm`) !== "sleep\n") {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const folder of folders) {
      strictEqual(Deno.readTextFileSync(`${folder}/cgroup.procs`).trim(), String(pid));
    }
    await rejects(removeCgroup(folders), (error: Error) => error.message.includes(`processes ${pid}`));
    killProcess(ref, "SIGKILL");
    await exited;
    await removeCgroup(folders);
    await removeCgroup(folders);
    await removeCgroup(folders.map((folder) => folder.slice(0, folder.lastIndexOf("/"))));
  },
});

Deno.test("a program that does not exist is told as such in a cgroup too", async () => {
  await rejects(spawnWithFds("/no/such/program", [], { cgroups: ["/sys/fs/cgroup"] }), { code: "NOT_FOUND" });
});
