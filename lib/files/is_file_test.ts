import { strictEqual } from "node:assert/strict";
import { isFile } from "./mod.ts";

Deno.test("a file is one also through a link; a directory, a broken link and nothing are none", () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/file`, "");
    Deno.symlinkSync("file", `${dir}/link`);
    Deno.symlinkSync("none", `${dir}/broken`);
    strictEqual(isFile(`${dir}/file`), true);
    strictEqual(isFile(`${dir}/link`), true);
    for (const path of [dir, `${dir}/broken`, `${dir}/none`, `${dir}/file/below`]) {
      strictEqual(isFile(path), false, path);
    }
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
