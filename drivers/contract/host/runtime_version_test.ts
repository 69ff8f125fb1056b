import { strictEqual } from "node:assert/strict";
import { versionIn } from "./runtime_version.ts";

Deno.test("each runtime's version is in the first line of what it says", () => {
  strictEqual(versionIn("crun version 1.21\ncommit: 1\n"), "crun 1.21");
  strictEqual(versionIn("runc version 1.3.6+ds1\ncommit: 1\n"), "runc 1.3.6");
  strictEqual(versionIn("youki version: 0.5.3\n"), "youki 0.5.3");
  strictEqual(versionIn("nonsense"), "");
});
