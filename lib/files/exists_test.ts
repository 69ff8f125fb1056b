import { ok, throws } from "node:assert/strict";
import { exists } from "./mod.ts";

Deno.test("exists sees files, directories and broken links, and tells a look that failed from nothing", () => {
  const dir = Deno.makeTempDirSync({ prefix: "exists-" });
  try {
    ok(exists(dir));
    ok(!exists(`${dir}/nothing/below`));
    Deno.symlinkSync("/no/such/file", `${dir}/link`);
    ok(exists(`${dir}/link`));
    Deno.symlinkSync("loop", `${dir}/loop`);
    throws(() => exists(`${dir}/loop/x`), "a loop is not nothing");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
