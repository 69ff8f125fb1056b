import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Mount, Spec } from "../../lib/oci/mod.ts";
import { engineRun, type Volume } from "./engine_run.ts";

const SPEC: Spec = {
  ociVersion: "1.2.1",
  process: {
    cwd: "/work",
    args: ["app.wasm", "x"],
    env: ["A=1", "io.kuasar.wasm.nn_preload=m:GGML:AUTO:m.gguf"],
  },
  root: { path: "rootfs", readonly: true },
  linux: { resources: { memory: { limit: 1048576 } } },
};
const volume = (destination: string, options: string[], isDirectory = true): Volume => ({
  path: `/real${destination}`,
  mount: { destination, type: "bind", source: "/host", options } satisfies Mount,
  isDirectory,
});
const VOLUMES = [volume("/data", ["rbind", "ro"]), volume("/rw", ["rbind"]), volume("/etc/hosts", [], false)];
const MODULE = { path: "/rootfs/app.wasm", format: "module", precompiled: false, func: undefined } as const;

Deno.test("a spec becomes a run", () => {
  deepStrictEqual(engineRun(SPEC, MODULE, VOLUMES), {
    module: "/rootfs/app.wasm",
    precompiled: false,
    format: "module",
    func: undefined,
    args: SPEC.process!.args,
    env: SPEC.process!.env,
    cwd: "/work",
    preopens: [
      { guest: "/", host: "/rootfs", readOnly: true },
      { guest: "/data", host: "/rootfs/real/data", readOnly: true },
      { guest: "/rw", host: "/rootfs/real/rw", readOnly: false },
    ],
    memoryLimit: 1048576n,
    nnPreloads: [{ alias: "m", backend: "GGML", target: "AUTO", path: "/rootfs/m.gguf" }],
  });
});

Deno.test("a memory limit below 0 is none", () => {
  const spec = { ...SPEC, linux: { resources: { memory: { limit: -1 } } } };
  strictEqual(engineRun(spec, MODULE, []).memoryLimit, undefined);
});
