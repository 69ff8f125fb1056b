import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { ProgramFiles } from "./program_files.ts";

Deno.test("a program needs itself, its loader and its libraries, and a script its interpreter's", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const programs = new ProgramFiles();
    const shell = (await programs.of("/bin/sh")).map(({ path }) => path);
    ok(shell.includes("/bin/sh") && shell.some((path) => /ld-linux.*\.so/.test(path)), shell.join(" "));
    ok(shell.some((path) => /\/libc\.so/.test(path)), shell.join(" "));
    const script = `${dir}/script`;
    await Deno.writeTextFile(script, "#! /bin/sh -e\nexit 0\n");
    deepStrictEqual((await programs.of(script)).map(({ path }) => path), [script, ...shell]);
    // Another one in its place is found anew.
    await Deno.writeTextFile(script, "not a program, and longer than it was before");
    deepStrictEqual(await programs.of(script), [{ path: script, access: "read" }]);
    await rejects(programs.of(`${dir}/none`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
