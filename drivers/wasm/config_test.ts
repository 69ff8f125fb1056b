import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const config = (toml: string) => fromFile(parseConfig(SCHEMA, toml), "test.toml");

Deno.test("an empty file: WasmEdge, compiled in the background", () => {
  const { engine, enginePath, aot, timeLimitMs } = config("");
  deepStrictEqual([engine, enginePath, aot?.mode, timeLimitMs], [
    "wasmedge",
    "/usr/bin/wasmedge",
    "background",
    0,
  ]);
});

Deno.test("Wasmtime, not compiled", () => {
  const { enginePath, aot } = config('[engine]\nname = "wasmtime"\n[aot]\nmode = "off"\n');
  strictEqual(enginePath, "/usr/bin/wasmtime");
  strictEqual(aot, undefined);
});

Deno.test("what cannot be is refused by its key", () => {
  throws(() => config('[engine]\nname = "wasmtime"\nplugin_path = "/p"\n'), { code: "INVALID_ARGUMENT" });
  throws(() => config('[engine]\npath = "wasmedge"\n'), { message: /engine\.path must be an absolute path/ });
  throws(() => config('[engine]\nname = "wasmer"\n'), { code: "INVALID_ARGUMENT" });
});
