import { ok } from "node:assert/strict";
import { isSandboxProcess } from "./processes.ts";

Deno.test("a sandbox's process is told from another's", () => {
  const cmdline =
    ["runsc-sandbox", "--root=/r", "--platform=systrap", "boot", "--bundle=/b", "s1"].join("\0") + "\0";
  ok(isSandboxProcess(cmdline, "/r", "s1"));
  for (const [root, id] of [["/r", "s2"], ["/other", "s1"]] as const) {
    ok(!isSandboxProcess(cmdline, root, id));
  }
  ok(!isSandboxProcess("sh\0-c\0runsc-sandbox --root=/r s1\0", "/r", "s1"));
});
