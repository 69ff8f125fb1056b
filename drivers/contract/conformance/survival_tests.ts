import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { eventually } from "./driver_process.ts";
import type { DriverUnderTest } from "./subject.ts";
import type { DriverTest } from "./mod.ts";

/** What happens when a process dies or hangs. */
export function survivalTests(test: DriverTest, driver: DriverUnderTest): void {
  test("a killed VMM is told to those who wait, with evidence", "none", async (process) => {
    const { pid } = await process.start("s1");
    const wait = process.wait("s1");
    Deno.kill(pid, "SIGKILL");
    strictEqual((await wait).exitStatus, 128 + 9);
    const status = await process.client.status({ sandboxId: "s1" });
    strictEqual(status.state, SandboxState.STOPPED);
    deepStrictEqual(process.helpers(), [], "helpers end with their VM");
    const device = { hostPath: "/etc/hostname", serial: "x", readOnly: true };
    await rejects(process.client.attachBlock({ sandboxId: "s1", device }), { code: "FAILED_PRECONDITION" });
    await rejects(process.client.pause({ sandboxId: "s1" }), { code: "FAILED_PRECONDITION" });
    await process.client.remove({ sandboxId: "s1" });
  });

  test("any process that a sandbox needs takes it along when it dies", "none", async (process) => {
    const { pid } = await process.start("s0");
    const others = (await process.client.status({ sandboxId: "s0" })).pids.filter((other) => other !== pid);
    await process.client.remove({ sandboxId: "s0" });
    for (let i = 0; i < others.length; i++) {
      const { pid } = await process.start("s1");
      const { pids } = await process.client.status({ sandboxId: "s1" });
      const victim = pids.filter((other) => other !== pid)[i]!;
      Deno.kill(victim, "SIGKILL");
      const exit = await process.wait("s1");
      ok(exit.evidence.length > 0);
      deepStrictEqual(process.helpers(), []);
      await process.client.remove({ sandboxId: "s1" });
    }
  });

  test("a VMM that hangs can be stopped", "none", async (process) => {
    const { pid } = await process.start("s1");
    Deno.kill(pid, "SIGSTOP");
    await process.client.stop({ sandboxId: "s1", graceMs: 100 });
    strictEqual((await process.wait("s1")).exitStatus, 128 + 9);
    await process.client.remove({ sandboxId: "s1" });
  });

  test("an adopted guest that powers itself off is told to those who wait", "none", async (process) => {
    const { guest } = await process.start("s1");
    await process.kill();
    await process.launch("none");
    const wait = process.wait("s1");
    await driver.powerOff(guest!);
    strictEqual((await wait).exitStatus, 0);
    await process.client.remove({ sandboxId: "s1" });
  });

  test("an adopted VMM that is killed is noticed", "none", async (process) => {
    const { pid } = await process.start("s1");
    await process.kill();
    await process.launch("none");
    const wait = process.wait("s1");
    Deno.kill(pid, "SIGKILL");
    ok([255, 128 + 9].includes((await wait).exitStatus));
    deepStrictEqual(process.helpers(), []);
    await process.client.remove({ sandboxId: "s1" });
  });

  test(
    "a start that the driver's death cuts off is undone by the next one",
    "silent-guest",
    async (process) => {
      const started = process.start("s1");
      const lost = rejects(started, { code: "UNAVAILABLE" });
      await eventually(() => process.helpers().length > 0, true);
      await process.kill();
      await lost;
      await process.launch("none");
      await process.assertClean();
      await process.start("s1");
      await process.client.remove({ sandboxId: "s1" });
    },
  );
}
