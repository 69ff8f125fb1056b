import { deepStrictEqual, rejects } from "node:assert/strict";
import { Fixture } from "./testing/fixture.ts";
import { failing } from "./testing/world.ts";

Deno.test("devices are plugged in by the driver, a disk under a serial of its own", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    const { admin, world } = fixture;
    world.calls.length = 0;
    const pmem = { $case: "pmem" as const, value: { hostPath: "/p", discardWrites: false } };
    deepStrictEqual(await admin.attach({ id: "s", name: "p", device: pmem }), {
      pciAddress: "0000:00:06.0",
      serial: "",
      guestSource: "",
    });
    const disk = { $case: "disk" as const, value: { hostPath: "/d", readOnly: true } };
    deepStrictEqual(await admin.attach({ id: "s1", name: "d", device: disk }), {
      pciAddress: "",
      serial: "user-d",
      guestSource: "",
    });
    await admin.detach({ id: "s1", name: "d" });
    deepStrictEqual(world.calls, [
      "driver/attachDevice p",
      "driver/attachBlock user-d",
      "driver/detachBlock user-d",
      "driver/detachDevice d",
    ]);
    await rejects(admin.attach({ id: "s1", name: "d".repeat(16), device: disk }), {
      code: "INVALID_ARGUMENT",
    });
    await rejects(admin.attach({ id: "s1", name: "a/b", device: pmem }), { code: "INVALID_ARGUMENT" });
    await rejects(admin.attach({ id: "s1", name: "d", device: undefined }), { code: "INVALID_ARGUMENT" });
    await rejects(admin.attach({ id: "x", name: "d", device: pmem }), { code: "NOT_FOUND" });
    await fixture.create("t1");
    await rejects(admin.attach({ id: "t1", name: "d", device: pmem }), { code: "FAILED_PRECONDITION" });
    await rejects(admin.detach({ id: "t1", name: "d" }), { code: "FAILED_PRECONDITION" });
  });
});

Deno.test("a sandbox that was written goes on, also where it could not be", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    const { admin, world } = fixture;
    world.calls.length = 0;
    await admin.snapshot({ id: "s1", directory: "/snapshots/s1" });
    world.faults.set("driver/snapshot", failing("UNIMPLEMENTED"));
    await rejects(admin.snapshot({ id: "s1", directory: "/snapshots/s1" }), { code: "UNIMPLEMENTED" });
    deepStrictEqual(world.calls, [
      "driver/snapshot s1",
      "driver/resume s1",
      "driver/snapshot s1",
      "driver/resume s1",
    ]);
  });
});
