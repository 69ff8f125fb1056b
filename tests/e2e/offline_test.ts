/** A checkout whose set-up has run once needs no network: neither does what starts with a set-up, the demo among it. */
import { doesNotMatch, strictEqual } from "node:assert/strict";
import { root } from "../root.ts";

Deno.test("a set-up that has nothing to do needs no network", async () => {
  const command = [Deno.execPath(), "run", "-A", "--no-check", "deploy/setup.ts"];
  const { code, stderr } = await new Deno.Command("unshare", {
    args: ["--net", ...command],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  strictEqual(code, 0, text);
  doesNotMatch(text, /building/);
});
