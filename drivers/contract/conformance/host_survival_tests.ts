import { ok, strictEqual } from "node:assert/strict";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { DriverTest } from "./mod.ts";

/** What happens when a process dies. */
export function hostSurvivalTests(test: DriverTest): void {
  test("a sandbox that shares its PIDs ends with the first of them", "none", async (process) => {
    const { pid } = await process.start("s1", { sharePid: true });
    ok(pid > 0);
    ok((await process.client.status({ sandboxId: "s1" })).pids.includes(pid));
    const wait = process.wait("s1");
    Deno.kill(pid, "SIGKILL");
    // 255 where whoever reaps the process takes so long that nobody can tell.
    ok([137, 255].includes((await wait).exitStatus));
    strictEqual((await process.client.status({ sandboxId: "s1" })).state, SandboxState.STOPPED);
    await process.client.remove({ sandboxId: "s1" });
  });

  test("starts that the driver's death cuts off are undone or complete", "none", async (process) => {
    const ids = Array.from({ length: 8 }, (_, i) => `s${i}`);
    const starts = ids.map((id) => process.start(id, { sharePid: true }));
    await Promise.race(starts);
    await process.kill();
    await Promise.allSettled(starts);
    await process.launch("none");
    for (const sandboxId of (await process.client.list({})).sandboxIds) {
      strictEqual((await process.client.status({ sandboxId })).state, SandboxState.RUNNING);
      await process.client.remove({ sandboxId });
    }
    await process.assertClean();
  });
}
