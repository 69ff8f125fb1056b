import { deepStrictEqual, ok } from "node:assert/strict";
import { mustHideNetSysctls, versionIn } from "./version.ts";

Deno.test("versions are told by their date", () => {
  deepStrictEqual(versionIn("runsc version 0.0~20240729.0\nspec: 1.2.0\n"), {
    text: "runsc 20240729",
    date: 20240729,
  });
  deepStrictEqual(versionIn("runsc version release-20250113.0\n").date, 20250113);
  deepStrictEqual(versionIn("runsc version dev\n"), { text: "runsc dev", date: 0 });
  deepStrictEqual(versionIn("bash: not found"), { text: "", date: 0 });
  ok(mustHideNetSysctls({ text: "", date: 20240729 }) && !mustHideNetSysctls({ text: "", date: 20240807 }));
});
