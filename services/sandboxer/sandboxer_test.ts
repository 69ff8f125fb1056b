import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import { createRequest, Fixture, type StandInName } from "./testing/fixture.ts";
import { failing } from "./testing/world.ts";
import { STAND_IN_SECRET } from "./testing/stand_in_guest.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

Deno.test("a pod from Create to Shutdown, as containerd asks for it", async () => {
  await Fixture.run(async (fixture) => {
    const { controller, world, runDir } = fixture;
    await fixture.create("s1");
    strictEqual((await fixture.status("s1")).state, "SANDBOX_NOTREADY");
    deepStrictEqual(world.leftovers(), []);

    const started = await fixture.start("s1");
    strictEqual(started.pid, 100_000);
    strictEqual(started.address, `ttrpc+unix://${runDir}/task.sock`);
    strictEqual(started.version, 3);
    deepStrictEqual(started.labels, { name: "pod-s1_default_uid-s1_0" });
    ok(Number(started.createdAt?.seconds) > 1_600_000_000);

    const setup = world.vms.get("s1")?.setup;
    strictEqual(setup?.hostname, "host-s1");
    strictEqual(setup?.sandboxId, "s1");
    strictEqual(setup?.entropy.length, 256);
    ok((setup?.hostTimeNs ?? 0n) > 1_600_000_000_000_000_000n);
    strictEqual(setup?.config?.typeUrl, "PodSandboxConfig");
    const json = JSON.parse(new TextDecoder().decode(setup?.config?.value));
    deepStrictEqual(json.dns_config, { servers: ["10.0.0.10"], searches: ["svc"], options: ["ndots:5"] });
    strictEqual(setup?.files[0]?.name, "hostname");

    const status = await fixture.status("s1", true);
    strictEqual(status.state, "SANDBOX_READY");
    deepStrictEqual([status.pid, status.address, status.version], [started.pid, started.address, 3]);
    deepStrictEqual(status.createdAt, started.createdAt);
    const info = JSON.parse(status.info.info ?? "");
    deepStrictEqual([info.driver, info.state, info.netnsPath], ["qemu", "ready", "/var/run/netns/cni-1"]);
    deepStrictEqual((await fixture.status("s1")).info, {});

    const platform = (await controller.platform({ sandboxId: "s1", sandboxer: "" })).platform;
    strictEqual(platform?.os, "linux");
    match(platform?.architecture ?? "", /^(amd64|arm64)$/);
    const metrics = (await controller.metrics({ sandboxId: "s1", sandboxer: "" })).metrics;
    strictEqual(metrics?.data?.typeUrl, "io.containerd.cgroups.v2.Metrics");
    const decoded = Metrics.decode(metrics?.data?.value ?? new Uint8Array());
    ok((decoded.memory?.usage ?? 0n) > 0n);
    strictEqual(decoded.io?.usage[0]?.rbytes, 4096n);
    await controller.update({ sandboxId: "s1", sandboxer: "", sandbox: undefined, fields: ["extensions"] });

    const waits = [fixture.wait("s1"), fixture.wait("s1")];
    await fixture.stop("s1");
    for (const exit of await Promise.all(waits)) strictEqual(exit.exitStatus, 0);
    ok(world.calls.includes("guest/powerOff s1"));
    const stopped = await fixture.status("s1");
    deepStrictEqual([stopped.state, stopped.pid], ["SANDBOX_NOTREADY", 0]);
    ok(stopped.exitedAt);
    deepStrictEqual(world.leftovers(), []);
    strictEqual((await fixture.wait("s1")).exitStatus, 0);
    await fixture.stop("s1");

    await fixture.shutdown("s1");
    await rejects(fixture.status("s1"), code("NOT_FOUND"));
    deepStrictEqual((await fixture.admin.list({})).sandboxes, []);
  });
});

Deno.test("every call for an unknown id is NOT_FOUND", async () => {
  await Fixture.run(async (fixture) => {
    const { controller } = fixture;
    const request = { sandboxId: "nobody", sandboxer: "" };
    await rejects(controller.start(request), code("NOT_FOUND"));
    await rejects(controller.platform(request), code("NOT_FOUND"));
    await rejects(controller.wait(request), code("NOT_FOUND"));
    await rejects(controller.shutdown(request), code("NOT_FOUND"));
    await rejects(controller.metrics(request), code("NOT_FOUND"));
    await rejects(controller.status({ ...request, verbose: true }), code("NOT_FOUND"));
    await rejects(controller.stop({ ...request, timeoutSecs: 0 }), code("NOT_FOUND"));
    await rejects(controller.update({ ...request, sandbox: undefined, fields: [] }), code("NOT_FOUND"));
    await rejects(fixture.admin.inspect({ id: "nobody" }), code("NOT_FOUND"));
  });
});

Deno.test("a bad Create is refused and leaves nothing", async () => {
  await Fixture.run(async (fixture) => {
    const good = createRequest("s1");
    const bytes = Uint8Array.of(0x0a, 0xff);
    const type = "runtime.v1.PodSandboxConfig";
    const metadata = (text: string) => ({
      metadata: { typeUrl: "m", value: new TextEncoder().encode(text) },
    });
    const withExtensions = (text: string) => ({
      ...good,
      sandbox: good.sandbox && { ...good.sandbox, extensions: metadata(text) },
    });
    const bad = [
      { ...good, sandboxId: "" },
      { ...good, sandboxId: "../etc" },
      { ...good, sandboxId: "x".repeat(200) },
      { ...good, options: { typeUrl: type, value: bytes } },
      { ...good, options: { typeUrl: "other.Type", value: bytes } },
      withExtensions("{"),
      withExtensions('{"Metadata":{"RuntimeHandler":"kuasar-qmeu"}}'),
    ];
    for (const request of bad) {
      await rejects(fixture.controller.create(request), code("INVALID_ARGUMENT"));
    }
    deepStrictEqual((await fixture.admin.list({})).sandboxes, []);
    await fixture.create("s1");
    await rejects(fixture.create("s1"), code("ALREADY_EXISTS"));
    // The sandbox of the first Create is untouched by the second.
    await fixture.start("s1");
  });
});

Deno.test("starting twice is refused and changes nothing", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.create("s1");
    const results = await Promise.allSettled([fixture.start("s1"), fixture.start("s1")]);
    const failed = results.filter((result) => result.status === "rejected");
    strictEqual(failed.length, 1);
    ok(code("FAILED_PRECONDITION")(failed[0]?.reason));
    strictEqual((await fixture.status("s1")).state, "SANDBOX_READY");
  });
});

const STEPS = ["network/attach", "storage/createShare", "driver/start", "guest/setupSandbox"];

for (const step of STEPS) {
  Deno.test(`a start that fails at ${step} undoes itself and forgets the sandbox`, async () => {
    await Fixture.run(async (fixture) => {
      const { world } = fixture;
      world.faults.set(step, failing("INTERNAL", ["last words"]));
      await fixture.create("s1");
      const wait = fixture.wait("s1");
      await rejects(fixture.start("s1"), (error: unknown) => {
        ok(code("INTERNAL")(error));
        deepStrictEqual([...(error as { evidence: string[] }).evidence], ["last words"]);
        return true;
      });
      deepStrictEqual(world.leftovers(), []);
      await rejects(fixture.status("s1"), code("NOT_FOUND"));
      strictEqual((await wait).exitStatus, 255);
      world.faults.clear();
      await fixture.runPod("s1");
    });
  });

  Deno.test(`a start that hangs at ${step} is undone when it is stopped`, async () => {
    await Fixture.run(async (fixture) => {
      const { world } = fixture;
      const [entered, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      world.faults.set(step, () => (entered.resolve(), gate.promise));
      await fixture.create("s1");
      const start = fixture.start("s1");
      start.catch(() => {});
      await entered.promise;
      const stop = fixture.stop("s1");
      await rejects(start, code("CANCELLED"));
      await stop;
      gate.resolve();
      await rejects(fixture.status("s1"), code("NOT_FOUND"));
      deepStrictEqual(world.leftovers(), []);
    });
  });
}

Deno.test("a start is undone when its time is over and when its caller gives up", async () => {
  await Fixture.run(async (fixture) => {
    const { world, controller } = fixture;
    const gate = Promise.withResolvers<void>();
    world.faults.set("driver/start", () => gate.promise);
    for (const id of ["s1", "s2"]) await fixture.create(id);
    await rejects(
      controller.start({ sandboxId: "s1", sandboxer: "" }, { timeoutMs: 200 }),
      code("DEADLINE_EXCEEDED"),
    );
    const abort = new AbortController();
    const start = controller.start({ sandboxId: "s2", sandboxer: "" }, { signal: abort.signal });
    await fixture.until("s2", "starting");
    abort.abort();
    await rejects(start, code("CANCELLED"));
    for (const id of ["s1", "s2"]) await fixture.until(id, undefined);
    gate.resolve();
    deepStrictEqual(world.leftovers(), []);
  });
});

Deno.test("what a failed start could not undo is tried again until nothing is left", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    world.faults.set("driver/start", failing());
    let refusals = 2;
    world.faults.set("storage/removeShare", () => {
      world.shares.add("s1");
      if (refusals-- > 0) failing("FAILED_PRECONDITION")();
      world.shares.delete("s1");
    });
    await fixture.create("s1");
    await rejects(fixture.start("s1"), code("INTERNAL"));
    strictEqual(await fixture.state("s1"), "removing");
    await fixture.until("s1", undefined);
    deepStrictEqual(world.leftovers(), []);
  });
});

Deno.test("a Stop with something left over fails, tells what, and can be repeated", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    world.faults.set("network/detach", failing("FAILED_PRECONDITION"));
    await rejects(fixture.stop("s1"), (error: unknown) => {
      ok(code("ABORTED")(error));
      match((error as { evidence: string[] }).evidence.join(), /detach the network: .*injected fault/);
      return true;
    });
    strictEqual(await fixture.state("s1"), "stopping");
    strictEqual((await fixture.status("s1")).state, "SANDBOX_NOTREADY");
    world.faults.clear();
    await fixture.stop("s1");
    strictEqual(await fixture.state("s1"), "stopped");
    deepStrictEqual(world.leftovers(), []);
  });
});

Deno.test("a guest that cannot be asked to power off is ended by force", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    world.faults.set("guest/powerOff", failing());
    await fixture.stop("s1");
    strictEqual((await fixture.wait("s1")).exitStatus, 137);
    deepStrictEqual(world.leftovers(), []);
  });
});

Deno.test("a driver that cannot stop a VM does not keep Stop from removing it", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    fixture.world.faults.set("driver/stop", failing());
    await fixture.stop("s1");
    deepStrictEqual(fixture.world.leftovers(), []);
  });
});

Deno.test("Shutdown stops what still runs, and removes what was never started", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    await fixture.create("s2");
    const wait = fixture.wait("s1");
    await Promise.all([fixture.shutdown("s1"), fixture.shutdown("s2")]);
    strictEqual((await wait).exitStatus, 0);
    deepStrictEqual(fixture.world.leftovers(), []);
    deepStrictEqual((await fixture.admin.list({})).sandboxes, []);
    ok(!fixture.world.calls.some((call) => call.endsWith(" s2")));
  });
});

Deno.test("a created sandbox can be stopped; it is not started afterwards", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.create("s1");
    await fixture.stop("s1");
    strictEqual((await fixture.wait("s1")).exitStatus, 0);
    await rejects(fixture.start("s1"), code("FAILED_PRECONDITION"));
    deepStrictEqual(fixture.world.calls, []);
  });
});

Deno.test("a VM that dies: Wait answers, the pod is not ready, everything is cleaned", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    const wait = fixture.wait("s1");
    world.crash("s1");
    strictEqual((await wait).exitStatus, 139);
    strictEqual((await fixture.status("s1")).state, "SANDBOX_NOTREADY");
    await fixture.until("s1", "stopped");
    deepStrictEqual(world.leftovers(), []);
    const info = JSON.parse((await fixture.status("s1", true)).info.info ?? "");
    deepStrictEqual(info.evidence, ["Kernel panic - not syncing"]);
    await fixture.stop("s1");
    await fixture.shutdown("s1");
  });
});

Deno.test("a VM whose files are gone is ended, and the pod says why", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    await fixture.runPod("s2");
    const wait = fixture.wait("s1");
    world.shareEnd("s1").resolve({ ended: true, failure: "signal 9", evidence: ["last words"] });
    strictEqual((await wait).exitStatus, 137);
    await fixture.until("s1", "stopped");
    const info = JSON.parse((await fixture.status("s1", true)).info.info ?? "");
    match(info.reason, /serves its files has ended with signal 9/);
    deepStrictEqual(info.evidence, ["share: last words"]);
    strictEqual((await fixture.status("s2")).state, "SANDBOX_READY");
    await fixture.shutdown("s1");
  });
});

Deno.test("a share without a process, and one that ended well with its VM, end no pod", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    await fixture.runPod("s1");
    world.shareEnd("s1").resolve({ ended: false, failure: "", evidence: [] });
    await fixture.runPod("s2");
    world.shareEnd("s2").resolve({ ended: true, failure: "", evidence: [] });
    world.crash("s2");
    await fixture.until("s2", "stopped");
    const info = JSON.parse((await fixture.status("s2", true)).info.info ?? "");
    match(info.reason, /ended by itself with status 139/);
    strictEqual((await fixture.status("s1")).state, "SANDBOX_READY");
  });
});

Deno.test("a VM that dies during the set-up of its guest fails the start with its last words", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    const gate = Promise.withResolvers<void>();
    world.faults.set("guest/setupSandbox", () => (world.crash("s1"), gate.promise));
    await fixture.create("s1");
    await rejects(fixture.start("s1"), (error: unknown) => {
      deepStrictEqual([...(error as { evidence: string[] }).evidence], ["Kernel panic - not syncing"]);
      return true;
    });
    gate.resolve();
    deepStrictEqual(world.leftovers(), []);
  });
});

Deno.test("ten pods at once, ten stops at once", async () => {
  await Fixture.run(async (fixture) => {
    const ids = Array.from({ length: 10 }, (_, i) => `s${i}`);
    await Promise.all(ids.map((id) => fixture.runPod(id)));
    for (const id of ids) strictEqual((await fixture.status(id)).state, "SANDBOX_READY");
    await Promise.all(ids.map((id) => fixture.stop(id)));
    await Promise.all(ids.map((id) => fixture.shutdown(id)));
    deepStrictEqual(fixture.world.leftovers(), []);
  });
});

Deno.test("network and share are made at the same time, before the VM", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    const both = Promise.withResolvers<void>();
    let waiting = 0;
    const meet = () => {
      if (++waiting === 2) both.resolve();
      return both.promise;
    };
    world.faults.set("network/attach", meet);
    world.faults.set("storage/createShare", meet);
    await fixture.runPod("s1");
    strictEqual(world.calls.indexOf("driver/start s1"), 2);
    const { phases } = await fixture.admin.timeline({ id: "s" });
    const names = [
      "start",
      "start/driver",
      "start/driver/boot",
      "start/guest",
      "start/network",
      "start/share",
    ];
    deepStrictEqual(phases.map(({ name }) => name).sort(), names);
    strictEqual(phases[0]?.name === "start" || phases[0]?.name === "start/driver/boot", true);
  });
});

for (const name of ["network", "storage", "driver"] as StandInName[]) {
  Deno.test(`a restart of ${name} is not seen by a pod that runs, nor by one that starts or stops`, async () => {
    await Fixture.run(async (fixture) => {
      await fixture.runPod("s1");
      const wait = fixture.wait("s1");
      await fixture.down(name);
      await fixture.create("s2");
      const start = fixture.start("s2");
      strictEqual((await fixture.status("s1")).state, "SANDBOX_READY");
      await fixture.up(name);
      await start;
      await fixture.down(name);
      const stop = fixture.stop("s1");
      await fixture.up(name);
      await stop;
      strictEqual((await wait).exitStatus, 0);
      await fixture.stop("s2");
      deepStrictEqual(fixture.world.leftovers(), []);
    });
  });
}

Deno.test("a driver that dies during Start gets the half-made VM removed and starts it again", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    world.faults.set("driver/start", () => (entered.resolve(), gate.promise));
    await fixture.create("s1");
    const start = fixture.start("s1");
    await entered.promise;
    await fixture.down("driver");
    world.faults.clear();
    gate.resolve();
    await fixture.up("driver");
    await start;
    strictEqual((await fixture.status("s1")).state, "SANDBOX_READY");
  });
});

Deno.test("a VM that died while its driver was away is noticed when the driver is back", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    const wait = fixture.wait("s1");
    await fixture.down("driver");
    const vm = fixture.world.vms.get("s1");
    await vm?.closeGuest();
    fixture.world.vms.delete("s1");
    await fixture.up("driver");
    strictEqual((await wait).exitStatus, 255);
    await fixture.until("s1", "stopped");
    deepStrictEqual(fixture.world.leftovers(), []);
  });
});

Deno.test("the admin service lists, inspects and takes unique prefixes", async () => {
  await Fixture.run(async (fixture) => {
    for (const id of ["abc1", "abd2"]) await fixture.runPod(id);
    const { sandboxes } = await fixture.admin.list({});
    deepStrictEqual(sandboxes.map(({ id, name, state }) => [id, name, state]), [
      ["abc1", "pod-abc1", "ready"],
      ["abd2", "pod-abd2", "ready"],
    ]);
    const inspected = await fixture.admin.inspect({ id: "abc" });
    strictEqual(inspected.summary?.id, "abc1");
    strictEqual(inspected.consolePath, `${fixture.runDir}/abc1.log`);
    deepStrictEqual(inspected.guest?.kind, { $case: "hybridPath", value: `${fixture.runDir}/abc1.vsock` });
    strictEqual(JSON.parse(inspected.json).hostname, "host-abc1");
    // exec needs it, details are for people.
    strictEqual(inspected.guest?.secret, STAND_IN_SECRET);
    strictEqual(inspected.json.includes(STAND_IN_SECRET), false);
    await rejects(fixture.admin.inspect({ id: "ab" }), code("FAILED_PRECONDITION"));
    await rejects(fixture.admin.timeline({ id: "" }), code("NOT_FOUND"));
  });
});

Deno.test("the clock of a guest that is off is corrected, one that is right is left alone", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    world.clockErrorNs = 5_000_000_000n;
    await fixture.runPod("s1");
    for (let tries = 0; tries < 1000 && world.clockErrorNs > 1_000_000_000n; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    ok(world.clockErrorNs < 1_000_000_000n && world.clockErrorNs > -1_000_000_000n);
  }, { clock_sync_ms: 5 });
});
