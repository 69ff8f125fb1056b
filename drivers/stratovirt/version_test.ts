import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseVersion, stratoVirtVersion } from "./version.ts";

Deno.test("the version is what the program says, and nothing where it says nothing", async () => {
  strictEqual(parseVersion("StratoVirt 2.5.0 commit-id unknown\n"), "StratoVirt 2.5.0");
  strictEqual(parseVersion("StratoVirt 2.4.0"), "StratoVirt 2.4.0");
  strictEqual(parseVersion("QEMU emulator version 10.0"), "");
  deepStrictEqual(await stratoVirtVersion("/nonexistent"), { version: "", notes: [] });
});
