import { deepStrictEqual, ok } from "node:assert/strict";
import { assemble, MODULES } from "./assemble.ts";
import { wasmImages } from "./images.ts";

for (const name of MODULES) {
  Deno.test(`${name}.wat is a valid module with _start`, async () => {
    const module = new WebAssembly.Module(await assemble(name));
    const exports = WebAssembly.Module.exports(module).map((item) => item.name);
    deepStrictEqual(exports.sort(), ["_start", "memory"]);
  });
}

Deno.test("the same sources give the same images", async () => {
  const [one, other] = [await wasmImages(), await wasmImages()];
  ok(one.size >= 3);
  deepStrictEqual(one, other);
});
