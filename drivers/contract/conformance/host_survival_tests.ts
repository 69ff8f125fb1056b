import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { DriverTest } from "./mod.ts";

/** What happens when a process dies. */
export function hostSurvivalTests(test: DriverTest): void {
  test("a killed driver comes back and adopts its sandboxes", "none", async (process) => {
    const started = await process.start("s1");
    await process.start("s2");
    await process.client.stop({ sandboxId: "s2", graceMs: 0 });
    const exit = await process.wait("s2");
    await process.kill();
    await process.launch("none");
    deepStrictEqual((await process.client.list({})).sandboxIds, ["s1", "s2"]);
    deepStrictEqual(await process.wait("s2"), exit, "what was known of an end is still known");
    const status = await process.client.status({ sandboxId: "s1" });
    deepStrictEqual([status.state, status.pid], [SandboxState.RUNNING, started.pid]);
    await rejects(process.start("s1"), { code: "ALREADY_EXISTS" });
    await process.start("s3");
    for (const sandboxId of ["s1", "s2", "s3"]) await process.client.remove({ sandboxId });
  });

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

  test("a sandbox that ends while no driver runs is known to have ended", "none", async (process) => {
    const { pid } = await process.start("s1", { sharePid: true });
    await process.kill();
    const gone = process.ended(pid);
    Deno.kill(pid, "SIGKILL");
    await gone;
    await process.launch("none");
    strictEqual((await process.client.status({ sandboxId: "s1" })).state, SandboxState.STOPPED);
    ok((await process.wait("s1")).exitedAt!.seconds > 0n);
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

  test("the driver keeps no descriptor of what is gone", "none", async (process) => {
    const cycle = async () => {
      await process.start("s1", { sharePid: true });
      const wait = process.wait("s1");
      await process.client.stop({ sandboxId: "s1", graceMs: 0 });
      await wait;
      await process.client.remove({ sandboxId: "s1" });
    };
    await cycle();
    const before = process.openFiles();
    for (let i = 0; i < 3; i++) await cycle();
    await process.assertOpenFiles(before);
  });
}
