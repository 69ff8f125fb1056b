import { ok } from "node:assert/strict";
import { withAdmin } from "./admin.ts";

Deno.test("kuasar-ctl waits for a sandboxer that is being started again, on a slow host too", async () => {
  const runDir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${runDir}/sandboxer.sock`, "");
    await withAdmin(runDir, (_admin, { timeoutMs }) => Promise.resolve(ok(timeoutMs >= 60_000)));
  } finally {
    await Deno.remove(runDir, { recursive: true });
  }
});
