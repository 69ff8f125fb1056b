import { strictEqual } from "node:assert/strict";
import { findOnPath } from "./mod.ts";

Deno.test("a program is found in the first folder of PATH that has it as a file", () => {
  const [first, second] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  const path = Deno.env.get("PATH") ?? "";
  try {
    Deno.env.set("PATH", `/no/such/folder:${first}:${second}`);
    Deno.mkdirSync(`${first}/tool`);
    strictEqual(findOnPath("tool"), undefined);
    Deno.writeTextFileSync(`${second}/tool`, "");
    strictEqual(findOnPath("tool"), `${second}/tool`);
  } finally {
    Deno.env.set("PATH", path);
    for (const folder of [first, second]) Deno.removeSync(folder, { recursive: true });
  }
});
