import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { unmountBelow } from "../../lib/mounts/mod.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { bindVolumes, sealRootfs } from "./bind_volumes.ts";
import { pidIn, sandboxArgs } from "./command_line.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { limitCgroup, limitWrites } from "./limit_cgroup.ts";
import { configProblem, MANDATORY } from "./quark_config.ts";
import { containerPlan, sandboxSpec } from "./specs.ts";

const SANDBOX: SandboxRecord = {
  id: "s1",
  state: "STARTING",
  netnsPath: "/var/run/netns/p",
  hostname: "web",
  ownIpc: true,
  sharePid: false,
  cgroup: "",
  madeCgroups: [],
};

Deno.test("the shipped configuration is what holds without one", () => {
  const read = (text: string) => fromFile(parseConfig(SCHEMA, text));
  deepStrictEqual(read(Deno.readTextFileSync(new URL("./config_quark.toml", import.meta.url))), read(""));
});

Deno.test("Quark's own configuration is whole and for sandboxes, or the reason is told", () => {
  const good: Record<string, unknown> = Object.fromEntries(MANDATORY.map((key) => [key, 1]));
  Object.assign(good, { Sandboxed: true, ShimMode: false });
  const problem = (change: Record<string, unknown>) => configProblem(JSON.stringify({ ...good, ...change }));
  strictEqual(problem({}), undefined);
  for (
    const [found, word] of [
      [configProblem(undefined), "missing"],
      [configProblem("{"), "no JSON"],
      [configProblem("[]"), "no object"],
      [problem({ UringIO: undefined, RDMAPort: undefined }), "lacks UringIO, RDMAPort"],
      [problem({ Sandboxed: false }), '"Sandboxed": true'],
      [problem({ ShimMode: true }), '"ShimMode": false'],
    ] as const
  ) ok(found?.includes(word), `${found}: ${word}`);
});

Deno.test("a sandbox is started with the documented flags, and its pid is a number and nothing else", () => {
  deepStrictEqual(sandboxArgs({ id: "s1", bundle: "/b", taskSocket: "/t.sock", pidFile: "/p" }), [
    "-r",
    "/b",
    "sandbox",
    "--id",
    "s1",
    "--task-socket",
    "/t.sock",
    "--pid-file",
    "/p",
  ]);
  strictEqual(pidIn("4711"), 4711);
  for (const text of ["", "0", "-1", "47x", "12345678901", " 1"]) strictEqual(pidIn(text), undefined, text);
});

Deno.test("a sandbox's spec has the pod's network and keeps its memory limit", () => {
  const spec = sandboxSpec(SANDBOX, { memory: { limit: 5n } });
  strictEqual(spec.hostname, "web");
  deepStrictEqual(spec.linux?.resources, { memory: { limit: 5n } });
  strictEqual(spec.linux?.namespaces?.find(({ type }) => type === "network")?.path, "/var/run/netns/p");
  const host = sandboxSpec({ ...SANDBOX, netnsPath: "" }, {});
  deepStrictEqual(host.linux?.namespaces?.map(({ type }) => type), ["ipc", "mount"]);
});

Deno.test("bind mounts are the host's part of a container, and no container takes a name of the sandbox's", () => {
  const spec = {
    ociVersion: "1.0.2",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/data", type: "bind", source: "/d" },
      { destination: "/dev/shm", type: "bind", source: "/s/shm" },
      { destination: "/more", type: "none", source: "/m", options: ["rbind", "ro"] },
    ],
    linux: { cgroupsPath: "/x", namespaces: [{ type: "network" as const, path: "/proc/1/ns/net" }] },
  };
  const plan = containerPlan(spec, "c1", { shm: "/s/shm", hostname: "web" });
  deepStrictEqual(plan.binds.map(({ destination }) => destination), ["/data", "/more"]);
  deepStrictEqual(plan.spec.mounts?.map(({ type }) => type), ["proc", "tmpfs"]);
  deepStrictEqual([plan.spec.root?.path, plan.spec.linux?.cgroupsPath], ["rootfs", undefined]);
  strictEqual(plan.spec.hostname, "web");
  throws(() => containerPlan(spec, "dev", { shm: "", hostname: "" }), { code: "INVALID_ARGUMENT" });
});

Deno.test("limits are written where each version of cgroups has them", () => {
  const limits = { memory: { limit: 1024 }, cpu: { quota: 50_000 } };
  deepStrictEqual(limitWrites(limits, 2), [
    { file: "memory.max", value: "1024" },
    { file: "cpu.max", value: "50000 100000" },
  ]);
  deepStrictEqual(limitWrites(limits, 1).map(({ file }) => file), [
    "memory.limit_in_bytes",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
  ]);
  deepStrictEqual(limitWrites({ cpu: { quota: -1 } }, 1), []);
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/pod`);
    Deno.writeTextFileSync(`${root}/pod/memory.max`, "max");
    limitCgroup("/pod", limits, [{ root, version: 2 }]);
    strictEqual(Deno.readTextFileSync(`${root}/pod/memory.max`), "1024");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test({
  name: "volumes are bound below the root file system, wherever its links point",
  ignore: Deno.uid() !== 0,
  fn: () => {
    const folder = Deno.realPathSync(Deno.makeTempDirSync());
    const [rootfs, outside, volume] = ["rootfs", "outside", "volume"].map((name) => `${folder}/${name}`) as [
      string,
      string,
      string,
    ];
    for (const path of [rootfs, `${rootfs}/etc`, outside, volume]) Deno.mkdirSync(path);
    Deno.writeTextFileSync(`${volume}/file`, "x");
    Deno.symlinkSync(outside, `${rootfs}/link`);
    Deno.symlinkSync("/nowhere", `${rootfs}/broken`);
    try {
      bindVolumes([
        { destination: "/new/folder", source: volume, options: ["rbind", "ro"] },
        { destination: "/etc/hosts", source: `${volume}/file`, options: ["bind"] },
      ], rootfs);
      strictEqual(Deno.readTextFileSync(`${rootfs}/new/folder/file`), "x");
      strictEqual(Deno.readTextFileSync(`${rootfs}/etc/hosts`), "x");
      throws(() => Deno.writeTextFileSync(`${rootfs}/new/folder/file`, "y"), /Read-only/);
      sealRootfs([{ destination: "/proc" }, { destination: "/proc/sys" }], rootfs);
      throws(() => Deno.writeTextFileSync(`${rootfs}/file`, "y"), /Read-only/);
      strictEqual(Deno.readTextFileSync(`${rootfs}/etc/hosts`), "x", "what is mounted below stays");
      ok(Deno.statSync(`${rootfs}/proc`).isDirectory);
      unmountBelow(rootfs);
      // Inside, the link leads to a path that is not there, and whatever is made is made nowhere else.
      try {
        bindVolumes([{ destination: "/link/x", source: volume }], rootfs);
      } catch {
        // Refused is as good.
      }
      deepStrictEqual([...Deno.readDirSync(outside)], []);
      for (const destination of ["/broken", "/", "/etc/hosts"]) {
        throws(() => bindVolumes([{ destination, source: volume }], rootfs), { code: "INVALID_ARGUMENT" });
      }
    } finally {
      unmountBelow(folder);
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
