import { notStrictEqual, strictEqual } from "node:assert/strict";
import { aotKey, cpuFeatures } from "./key.ts";

const INPUTS = { digest: "d", engine: "WasmEdge 0.14.1", options: ["--optimize=2"], cpu: "x" };

Deno.test("every input changes the key", () => {
  const key = aotKey(INPUTS);
  strictEqual(aotKey({ ...INPUTS }), key);
  for (
    const other of [{ digest: "e" }, { engine: "WasmEdge 0.17.1" }, { options: ["--optimize=3"] }, {
      cpu: "y",
    }]
  ) {
    notStrictEqual(aotKey({ ...INPUTS, ...other }), key);
  }
});

Deno.test("of a processor its features count, in no order", () => {
  const one = "model\t\t: 85\ncpu MHz\t\t: 2000\nflags\t\t: fpu sse avx\n\nflags\t\t: fpu\n";
  strictEqual(
    cpuFeatures(one, "x86_64"),
    cpuFeatures(one.replace("2000", "3000").replace("sse avx", "avx sse"), "x86_64"),
  );
  notStrictEqual(cpuFeatures(one, "x86_64"), cpuFeatures(one.replace("avx", "avx512f"), "x86_64"));
  notStrictEqual(cpuFeatures(one, "x86_64"), cpuFeatures(one, "aarch64"));
});
