import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Fixture } from "./testing/fixture.ts";
import { failing } from "./testing/world.ts";
import { STAND_IN_SECRET } from "./testing/stand_in_guest.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;
const request = (sandboxId: string, containerId: string) => ({
  sandboxId,
  containerId,
  bundle: `/run/containerd/${containerId}`,
  rootfs: [],
});

Deno.test("Lookup tells where a ready sandbox is, and only that", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    await fixture.create("s2");
    await fixture.withPrepare(async (prepare) => {
      const found = await prepare.lookup({ sandboxId: "s1" });
      deepStrictEqual(found, {
        guest: {
          kind: { $case: "hybridPath", value: `${fixture.runDir}/s1.vsock` },
          secret: STAND_IN_SECRET,
        },
        pid: 100_000,
      });
      await rejects(prepare.lookup({ sandboxId: "s2" }), code("FAILED_PRECONDITION"));
      await rejects(prepare.lookup({ sandboxId: "s3" }), code("NOT_FOUND"));
    });
  });
});

Deno.test("a container is prepared with its disks and released, each as often as asked", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    await fixture.withPrepare(async (prepare) => {
      for (let times = 0; times < 2; times++) {
        const answer = await prepare.prepareContainer(request("s1", "c1"));
        strictEqual(answer.guestBundle, "/run/kuasar/state/c1");
        strictEqual(answer.sandboxPid, 100_000);
        deepStrictEqual([...world.vms.get("s1")?.devices ?? []].sort(), ["c1-a", "c1-b"]);
      }
      strictEqual((await fixture.admin.list({})).sandboxes[0]?.containers, 1);
      for (let times = 0; times < 2; times++) {
        await prepare.releaseContainer({ sandboxId: "s1", containerId: "c1" });
        strictEqual(world.containers.size, 0);
        strictEqual(world.vms.get("s1")?.devices.size, 0);
      }
      strictEqual((await fixture.admin.list({})).sandboxes[0]?.containers, 0);
    });
  });
});

Deno.test("a bad or unknown request is refused, a release of the unknown is fine", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    await fixture.withPrepare(async (prepare) => {
      await rejects(prepare.prepareContainer(request("s1", "../x")), code("INVALID_ARGUMENT"));
      await rejects(prepare.prepareContainer(request("s9", "c1")), code("NOT_FOUND"));
      await prepare.releaseContainer({ sandboxId: "s9", containerId: "c1" });
      await prepare.releaseContainer({ sandboxId: "s1", containerId: "c9" });
    });
  });
});

for (const step of ["storage/prepareContainer", "driver/attachBlock"]) {
  Deno.test(`a preparation that fails at ${step} is undone`, async () => {
    await Fixture.run(async (fixture) => {
      const { world } = fixture;
      await fixture.runPod("s1");
      await fixture.withPrepare(async (prepare) => {
        world.faults.set(step, failing("RESOURCE_EXHAUSTED"));
        await rejects(prepare.prepareContainer(request("s1", "c1")), code("RESOURCE_EXHAUSTED"));
        strictEqual(world.containers.size, 0);
        strictEqual(world.vms.get("s1")?.devices.size, 0);
        strictEqual((await fixture.admin.list({})).sandboxes[0]?.containers, 0);
        world.faults.clear();
        await prepare.prepareContainer(request("s1", "c1"));
      });
    });
  });
}

Deno.test("the same container is prepared once at a time, others at the same time", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    const gate = Promise.withResolvers<void>();
    const both = Promise.withResolvers<void>();
    let entered = 0;
    world.faults.set("storage/prepareContainer", () => {
      if (++entered === 2) both.resolve();
      return gate.promise;
    });
    await fixture.withPrepare(async (prepare) => {
      const calls = ["c1", "c1", "c2"].map((id) => prepare.prepareContainer(request("s1", id)));
      await both.promise;
      deepStrictEqual(world.calls.filter((call) => call.startsWith("storage/prepare")), [
        "storage/prepareContainer s1/c1",
        "storage/prepareContainer s1/c2",
      ]);
      gate.resolve();
      await Promise.all(calls);
    });
  });
});

Deno.test("prepare and release work right after a restart of the sandboxer", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    await fixture.withPrepare((prepare) => prepare.prepareContainer(request("s1", "c1")));
    await fixture.restartSandboxer();
    await fixture.withPrepare(async (prepare) => {
      await prepare.prepareContainer(request("s1", "c2"));
      await prepare.releaseContainer({ sandboxId: "s1", containerId: "c1" });
    });
    deepStrictEqual([...fixture.world.vms.get("s1")?.devices ?? []].sort(), ["c2-a", "c2-b"]);
    await fixture.stop("s1");
    deepStrictEqual(fixture.world.leftovers(), []);
  });
});

Deno.test("a sandbox that stops during a preparation leaves nothing of the container", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    world.faults.set("storage/prepareContainer", () => (entered.resolve(), gate.promise));
    await fixture.withPrepare(async (prepare) => {
      const preparing = prepare.prepareContainer(request("s1", "c1"));
      preparing.catch(() => {});
      await entered.promise;
      const stop = fixture.stop("s1");
      await fixture.until("s1", "stopping");
      await rejects(prepare.prepareContainer(request("s1", "c2")), code("FAILED_PRECONDITION"));
      gate.resolve();
      await rejects(preparing);
      await stop;
      await prepare.releaseContainer({ sandboxId: "s1", containerId: "c1" });
    });
    deepStrictEqual(world.leftovers(), []);
  });
});
