import { ok, strictEqual } from "node:assert/strict";
import { Fixture } from "./testing/fixture.ts";

/** Long enough that whoever answers is in time on a busy host. */
const WATCHDOG = { watchdog_ms: 1_000 };

/** Far above what it takes; the tests end by events. */
const DEADLINE_MS = 60_000;

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + DEADLINE_MS; !await condition();) {
    ok(Date.now() < end, `${what} has not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const stateOf = async ({ controller }: Fixture, sandboxId: string) =>
  (await controller.status({ sandboxId, sandboxer: "", verbose: false })).state;

Deno.test("a guest that stays silent is ended with its VM, which is told, and no other is", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("loud");
    await fixture.runPod("silent");
    const gate = Promise.withResolvers<void>();
    world.faults.set(
      "guest/check",
      () => world.calls.at(-1) === "guest/check silent" ? gate.promise : undefined,
    );
    await until("its end", () => world.vms.get("silent")?.exited !== false);
    gate.resolve();
    await until("its state", async () => await stateOf(fixture, "silent") !== "SANDBOX_READY");
    const { json } = await fixture.admin.inspect({ id: "silent" });
    ok(json.includes("its guest was silent 3 times in a row"), json);
    const { text } = await fixture.admin.metrics({});
    ok(/^kuasar_sandbox_silent_total\{driver="qemu"\} 1$/m.test(text), text);
    strictEqual(world.vms.get("loud")?.exited, false);
    strictEqual(await stateOf(fixture, "loud"), "SANDBOX_READY");
  }, WATCHDOG);
});

Deno.test("a VM whose VMM alone is silent is ended, which is told, and no other is", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("loud");
    await fixture.runPod("silent");
    world.silentVmms.add("silent");
    await until("its end", () => world.vms.get("silent")?.exited !== false);
    await until("its state", async () => await stateOf(fixture, "silent") !== "SANDBOX_READY");
    const { json } = await fixture.admin.inspect({ id: "silent" });
    ok(json.includes("its VMM's control was silent 3 times in a row"), json);
    const { text } = await fixture.admin.metrics({});
    ok(/^kuasar_sandbox_silent_total\{driver="qemu"\} 1$/m.test(text), text);
    strictEqual(world.vms.get("loud")?.exited, false);
  }, WATCHDOG);
});

Deno.test("a driver that does not answer says nothing of its VMMs", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    let asked = 0;
    world.faults.set("driver/probe", () => {
      asked++;
      return new Promise((resolve) => setTimeout(resolve, 1_500));
    });
    await until("several questions", () => asked > 4);
    strictEqual(world.vms.get("s1")?.exited, false);
  }, WATCHDOG);
});

Deno.test("a guest that answers again in time goes on", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    let asked = 0;
    const gate = Promise.withResolvers<void>();
    world.faults.set("guest/check", () => ++asked % 3 === 0 ? undefined : gate.promise);
    // Four silences, and an answer in their midst.
    await until("several silences", () => asked > 5);
    strictEqual(world.vms.get("s1")?.exited, false);
    gate.resolve();
  }, WATCHDOG);
});

Deno.test("a sandbox that the task server gives up ends for the reason that it has told", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    await fixture.withPrepare(async (task) => {
      await task.endSandbox({ sandboxId: "s1", reason: "a kill was not answered" });
      ok(world.vms.get("s1")?.exited !== false);
      // It may have ended meanwhile, or never have been.
      await task.endSandbox({ sandboxId: "s1", reason: "again" });
      await task.endSandbox({ sandboxId: "unknown", reason: "again" });
    });
    await until("its state", async () => await stateOf(fixture, "s1") !== "SANDBOX_READY");
    const { json } = await fixture.admin.inspect({ id: "s1" });
    ok(json.includes("a kill was not answered"), json);
    ok(world.calls.some((call) => call === "driver/stop s1"));
  });
});
