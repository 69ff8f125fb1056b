import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Spec } from "../../lib/oci/mod.ts";
import { youkiSpec } from "./youki_spec.ts";

const V1 = ["memory", "pids"].map((name) => ({ root: `/sys/fs/cgroup/${name}`, version: 1 as const }));
const V2 = [{ root: "/sys/fs/cgroup", version: 2 as const }];
const CGROUP = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"] };
const SYS = { destination: "/sys", type: "sysfs", source: "sysfs" };

const spec = (pidPath?: string): Spec => ({
  ociVersion: "1.1.0",
  mounts: [SYS, CGROUP],
  linux: {
    cgroupsPath: "/pod/c1",
    namespaces: [pidPath === undefined ? { type: "pid" } : { type: "pid", path: pidPath }],
  },
});

Deno.test("youki is told the propagation of the root file system by its own names", () => {
  const told = (rootfsPropagation: string) =>
    youkiSpec({ ...spec(), linux: { rootfsPropagation } }, V1).linux?.rootfsPropagation;
  deepStrictEqual(["rslave", "rshared", "slave", "private"].map(told), [
    "slave",
    "shared",
    "slave",
    "private",
  ]);
  strictEqual("rootfsPropagation" in youkiSpec(spec(), V1).linux!, false);
});

Deno.test("where a container joins a PID namespace, its cgroups of version 1 are mounted one by one", () => {
  const flags = ["nosuid", "noexec", "nodev"];
  const bind = (name: string) => ({
    destination: `/sys/fs/cgroup/${name}`,
    type: "bind",
    source: `/sys/fs/cgroup/${name}/pod/c1`,
    options: ["bind", "rprivate", "ro", ...flags],
  });
  const tmpfs = {
    destination: "/sys/fs/cgroup",
    type: "tmpfs",
    source: "tmpfs",
    options: [...flags, "mode=755"],
  };
  deepStrictEqual(youkiSpec(spec("/run/pid"), V1).mounts, [SYS, tmpfs, bind("memory"), bind("pids")]);
  deepStrictEqual(youkiSpec(spec(), V1), spec());
  deepStrictEqual(youkiSpec(spec("/run/pid"), V2), spec("/run/pid"));
});
