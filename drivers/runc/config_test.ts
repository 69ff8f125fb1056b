import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";
import { versionIn } from "../contract/host/runtime_version.ts";

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

Deno.test("each runtime's version is in the first line of what it says", () => {
  strictEqual(versionIn("crun version 1.21\ncommit: 1\n"), "crun 1.21");
  strictEqual(versionIn("runc version 1.3.6+ds1\ncommit: 1\n"), "runc 1.3.6");
  strictEqual(versionIn("youki version: 0.5.3\n"), "youki 0.5.3");
  strictEqual(versionIn("nonsense"), "");
});
