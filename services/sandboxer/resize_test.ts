import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { Fixture } from "./testing/fixture.ts";
import { failing } from "./testing/world.ts";

Deno.test("a sandbox is resized by its driver, and its guest brings vCPUs online", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    const { admin, world } = fixture;
    deepStrictEqual(await admin.resize({ id: "s", vcpus: 3, memoryMib: 512n }), {
      vcpus: 3,
      memoryMib: 512n,
    });
    ok(world.calls.includes("guest/online s1"));
    world.calls.length = 0;
    await admin.resize({ id: "s1", vcpus: 0, memoryMib: 300n });
    deepStrictEqual(world.calls, ["driver/resize s1"]);
    world.faults.set("driver/resize", failing("RESOURCE_EXHAUSTED"));
    await rejects(admin.resize({ id: "s1", vcpus: 9, memoryMib: 0n }), { code: "RESOURCE_EXHAUSTED" });
    await rejects(admin.resize({ id: "x", vcpus: 9, memoryMib: 0n }), { code: "NOT_FOUND" });
    await fixture.create("t1");
    await rejects(admin.resize({ id: "t1", vcpus: 2, memoryMib: 0n }), { code: "FAILED_PRECONDITION" });
  });
});
