import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Spec } from "../../lib/oci/mod.ts";
import { type EngineBundle, engineSpec } from "./engine_spec.ts";

const SPEC: Spec = {
  ociVersion: "1.2.1",
  process: { cwd: "/work", args: ["app.wasm"], env: ["LD_PRELOAD=/evil.so"], user: { uid: 1000, gid: 1000 } },
  root: { path: "/image", readonly: true },
  hostname: "pod",
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs" },
    { destination: "/sys", type: "sysfs", source: "sysfs" },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" },
    { destination: "/etc/hosts", type: "bind", source: "/pod/hosts", options: ["rbind", "rw"] },
    { destination: "/data", type: "bind", source: "/volume", options: ["rbind", "ro"] },
  ],
  linux: { cgroupsPath: "/pod/c1", seccomp: { defaultAction: "SCMP_ACT_ERRNO" } },
};
const [, , , , HOSTS, DATA] = SPEC.mounts!;
const BUNDLE: EngineBundle = {
  root: { path: "/engine", program: "/usr/bin/wasmedge", loader: "/lib64/ld.so", libraryPath: "/lib64" },
  args: ["run", "/rootfs/app.wasm"],
  rootfs: "/image",
  volumes: [
    { path: "/etc/hosts", mount: HOSTS!, isDirectory: false },
    { path: "/real/data", mount: DATA!, isDirectory: true },
  ],
  moduleFiles: new Map(),
  pluginPath: "",
};
const at = (spec: Spec, destination: string) =>
  spec.mounts!.filter((mount) => mount.destination === destination);

Deno.test("the engine has a root of its own, and the image stands in it", () => {
  const spec = engineSpec(SPEC, BUNDLE);
  deepStrictEqual(spec.root, { path: "/engine", readonly: true });
  deepStrictEqual(spec.process!.args, ["/usr/bin/wasmedge", "run", "/rootfs/app.wasm"]);
  deepStrictEqual(at(spec, "/rootfs")[0]!.source, "/image");
  strictEqual(at(spec, "/rootfs")[0]!.options!.includes("ro"), true);
  deepStrictEqual(at(spec, "/rootfs/real/data")[0], { ...DATA, destination: "/rootfs/real/data" });
});

Deno.test("nothing of the container's environment reaches the engine", () => {
  deepStrictEqual(engineSpec(SPEC, BUNDLE).process!.env, [
    "LD_LIBRARY_PATH=/lib64",
    "LD_PRELOAD=/arguments.so",
  ]);
});

Deno.test("user, namespaces, cgroup and seccomp stay", () => {
  const spec = engineSpec(SPEC, BUNDLE);
  deepStrictEqual(spec.process!.user, SPEC.process!.user);
  deepStrictEqual([spec.linux, spec.hostname], [SPEC.linux, "pod"]);
});

Deno.test("of the kernel's file systems an engine gets what it needs", () => {
  const spec = engineSpec(SPEC, BUNDLE);
  deepStrictEqual([at(spec, "/proc").length, at(spec, "/dev").length], [1, 1]);
  deepStrictEqual([at(spec, "/sys").length, at(spec, "/sys/fs/cgroup").length], [0, 0]);
});

Deno.test("the pod's files are the engine's too, read-only", () => {
  const spec = engineSpec(SPEC, BUNDLE);
  deepStrictEqual(at(spec, "/etc/hosts")[0], { ...HOSTS, options: ["rbind", "ro"] });
  deepStrictEqual(at(spec, "/rootfs/etc/hosts")[0], { ...HOSTS, destination: "/rootfs/etc/hosts" });
});

Deno.test("a module from elsewhere is mounted in memory, plugins in a folder of their own", () => {
  const spec = engineSpec(SPEC, {
    ...BUNDLE,
    moduleFiles: new Map([["app.wasm", "/cache/abc.wasm"]]),
    pluginPath: "/opt/plugins",
  });
  strictEqual(at(spec, "/module")[0]!.type, "tmpfs");
  strictEqual(at(spec, "/module/app.wasm")[0]!.source, "/cache/abc.wasm");
  strictEqual(at(spec, "/plugins")[0]!.source, "/opt/plugins");
  deepStrictEqual(spec.process!.env, [
    "LD_LIBRARY_PATH=/lib64:/plugins",
    "WASMEDGE_PLUGIN_PATH=/plugins",
    "LD_PRELOAD=/arguments.so",
  ]);
});
