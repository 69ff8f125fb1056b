import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text));

Deno.test("a sandbox has a minute to come up: hosts are slow, above all just after their boot", () => {
  strictEqual(read("").createTimeoutMs, 60_000);
});

Deno.test("the shipped configuration is what holds without one", () => {
  deepStrictEqual(read(Deno.readTextFileSync(new URL("./config_gvisor.toml", import.meta.url))), read(""));
});

Deno.test("what runsc would take differently is refused", () => {
  for (
    const bad of [
      'platform = "vz"',
      'network = "bridge"',
      'overlay2 = "root:dir=x"',
      'debug_log = "x"',
      'host_uds = "yes"',
    ]
  ) throws(() => read(`[runsc]\n${bad}`), { code: "INVALID_ARGUMENT" }, bad);
  strictEqual(read('[runsc]\noverlay2 = "root:dir=/var/tmp"').overlay2, "root:dir=/var/tmp");
});
