import { deepStrictEqual } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

Deno.test("the shipped configuration is what holds without one", () => {
  const read = (text: string) => fromFile(parseConfig(SCHEMA, text));
  deepStrictEqual(read(Deno.readTextFileSync(new URL("./config_quark.toml", import.meta.url))), read(""));
});
