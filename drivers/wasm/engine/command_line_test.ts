import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type EngineRun, ENGINES } from "./mod.ts";
import { parseWasmEdgeVersion } from "./wasmedge.ts";
import { parseWasmtimeVersion } from "./wasmtime.ts";

const RUN: EngineRun = {
  module: "/rootfs/app.wasm",
  format: "module",
  precompiled: false,
  func: undefined,
  args: ["/app.wasm", "--env", "x"],
  env: ["A=1"],
  cwd: "/work",
  preopens: [{ guest: "/", host: "/rootfs", readOnly: true }, {
    guest: "/data",
    host: "/rootfs/data",
    readOnly: false,
  }],
  memoryLimit: 64n * 1024n * 1024n,
  nnPreloads: [],
};
const EDGE = { text: "WasmEdge 0.14.1", version: { major: 0, minor: 14 }, plugins: [] };
const TIME = { text: "Wasmtime 49.0.3", version: { major: 49, minor: 0 }, plugins: [] };
const { wasmedge, wasmtime } = ENGINES;

Deno.test("WasmEdge's command line", () => {
  deepStrictEqual(wasmedge.run(RUN, EDGE), [
    "run",
    "--memory-page-limit=1024",
    "--dir=/:/rootfs:readonly",
    "--dir=/data:/rootfs/data",
    "--env=A=1",
    "--env=PWD=/work",
    "/rootfs/app.wasm",
    "--env",
    "x",
  ]);
  const run = { ...RUN, func: "work", precompiled: true };
  const newer = wasmedge.run(run, { ...EDGE, version: { major: 0, minor: 17 } });
  strictEqual(newer[1], "--run-mode=aot");
  deepStrictEqual(newer.slice(-5), ["--reactor", "/rootfs/app.wasm", "work", "--env", "x"]);
});

Deno.test("Wasmtime's command line", () => {
  deepStrictEqual(wasmtime.run({ ...RUN, precompiled: true, module: "/compiled/app.cwasm" }, TIME), [
    "run",
    "-Ccache=n",
    "-Sinherit-network=y,allow-ip-name-lookup=y",
    "--allow-precompiled",
    "-Wmax-memory-size=67108864",
    "--dir=/rootfs::/",
    "--dir=/rootfs/data::/data",
    "--env=A=1",
    "--env=PWD=/work",
    "--argv0=/app.wasm",
    "/compiled/app.cwasm",
    "--env",
    "x",
  ]);
});

Deno.test("compilers", () => {
  deepStrictEqual(wasmedge.compile("/a", "/b", "3"), ["compile", "--optimize=3", "/a", "/b"]);
  deepStrictEqual(wasmtime.compile("/a", "/b", "3"), [
    "compile",
    "-Ccache=n",
    "-Oopt-level=2",
    "-o",
    "/b",
    "/a",
  ]);
});

Deno.test("memory limits: at least a page, none where it would be more than 32 bits address", () => {
  const limit = (memoryLimit: bigint | undefined) =>
    wasmedge.run({ ...RUN, memoryLimit }, EDGE).find((word) => word.startsWith("--memory"));
  strictEqual(limit(1n), "--memory-page-limit=1");
  strictEqual(limit(undefined), undefined);
  strictEqual(limit(1n << 32n), undefined);
});

Deno.test("models need the plugin with WasmEdge, a known backend with Wasmtime", () => {
  const nnPreloads = [{ alias: "m", backend: "OpenVINO", target: "CPU", path: "/rootfs/m" }];
  throws(() => wasmedge.run({ ...RUN, nnPreloads }, EDGE), { code: "FAILED_PRECONDITION" });
  const line = wasmedge.run({ ...RUN, nnPreloads }, { ...EDGE, plugins: ["wasi_nn"] });
  ok(line.includes("--nn-preload=m:OpenVINO:CPU:/rootfs/m"));
  ok(wasmtime.run({ ...RUN, nnPreloads }, TIME).includes("-Snn=y,nn-graph=openvino::/rootfs/m"));
  throws(() => wasmtime.run({ ...RUN, nnPreloads: [{ ...nnPreloads[0]!, backend: "GGML" }] }, TIME), {
    code: "UNIMPLEMENTED",
  });
  throws(() => wasmtime.run({ ...RUN, nnPreloads: [{ ...nnPreloads[0]!, alias: "x" }] }, TIME), {
    code: "UNIMPLEMENTED",
  });
});

Deno.test("components are for Wasmtime", () => {
  throws(() => wasmedge.run({ ...RUN, format: "component" }, EDGE), { code: "UNIMPLEMENTED" });
  ok(wasmtime.run({ ...RUN, format: "component" }, TIME).length > 0);
});

const text = fc.string({ unit: "binary", maxLength: 12 });
const words = fc.array(text, { maxLength: 5 });
const variables = fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 5 }), text), { maxLength: 5 })
  .map((pairs) => pairs.map(([name, value]) => `${name.replaceAll("=", "_")}=${value}`));
const paths = fc.array(fc.string({ minLength: 1, maxLength: 8 }).map((name) => `/${name}`), { maxLength: 4 });

for (const [engine, build] of [[wasmedge, EDGE], [wasmtime, TIME]] as const) {
  Deno.test(`${engine.name}: nothing of a container becomes an option of its own`, () => {
    fc.assert(fc.property(words, variables, paths, (args, env, guests) => {
      const preopens = guests.map((guest) => ({ guest, host: `/rootfs${guest}`, readOnly: true }));
      const line = engine.run({ ...RUN, args: ["app", ...args], env, preopens }, build);
      const at = line.indexOf(RUN.module);
      // Before the module stand known options only, each one word; behind it all arguments as they are.
      for (const word of line.slice(1, at)) {
        ok(/^(--(dir|env|argv0|memory-page-limit)=|-C|-S|-W)/s.test(word), word);
      }
      deepStrictEqual(line.slice(at + 1), args);
      deepStrictEqual(
        line.slice(0, at).filter((word) => word.startsWith("--env=")),
        [...env, "PWD=/work"].map((entry) => `--env=${entry}`),
      );
    }));
  });
}

Deno.test("a variable without a name is refused", () => {
  for (const env of [["=x"], ["x"], [""]]) {
    throws(() => wasmedge.run({ ...RUN, env }, EDGE), { code: "INVALID_ARGUMENT" });
  }
});

Deno.test("versions", () => {
  deepStrictEqual(
    parseWasmEdgeVersion(
      'wasmedge version 0.14.1\n (plugin "wasi_logging") version 0.1.0.0\n (plugin "wasi_nn") version 0.1',
    ),
    { ...EDGE, plugins: ["wasi_logging", "wasi_nn"] },
  );
  deepStrictEqual(parseWasmtimeVersion("wasmtime 49.0.3 (f96eabaa1 2026-10-14)"), TIME);
  strictEqual(parseWasmEdgeVersion("sh: not found"), undefined);
  strictEqual(parseWasmtimeVersion("sh: not found"), undefined);
});
