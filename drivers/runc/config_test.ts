import { deepStrictEqual } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

Deno.test("the configuration names runtime, arguments and agent", () => {
  const text =
    `[runtime]\nruntime_path = "/r"\nruntime_args = ["--debug"]\npause_path = "/a"\ncriu_path = "/c"\n`;
  deepStrictEqual(fromFile(parseConfig(SCHEMA, text)), {
    runtimePath: "/r",
    runtimeArgs: ["--debug"],
    pausePath: "/a",
    criuPath: "/c",
  });
});
