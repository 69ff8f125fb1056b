import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { askVersion } from "./mod.ts";

const SHELL = "/bin/sh";

Deno.test("a program is asked for its version", async () => {
  deepStrictEqual(await askVersion(SHELL, { args: ["-c", "echo it 1.2"] }), {
    output: "it 1.2\n",
    notes: [],
  });
  const alone = await askVersion(SHELL, { args: ["-c", "echo $ONLY$HOME"], env: { ONLY: "this" } });
  strictEqual(alone.output, "this\n");
});

Deno.test("one that does not answer in time is told as that, whatever it has printed", async () => {
  const { output, notes } = await askVersion(SHELL, {
    args: ["-c", "echo it 1.2; exec sleep 300"],
    timeoutMs: 200,
  });
  strictEqual(output, "");
  match(notes.join(), /^Cannot learn the version of \/bin\/sh: it does not answer `-c .*` within 200 ms$/);
});

Deno.test("one that is missing is for each start to tell, one that cannot be run is told", async () => {
  deepStrictEqual(await askVersion("/nonexistent"), { output: "", notes: [] });
  match((await askVersion("/etc/passwd")).notes.join(), /^Cannot learn the version of \/etc\/passwd: /);
});
