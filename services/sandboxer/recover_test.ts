import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openStore } from "../../lib/store/mod.ts";
import type { SandboxRecord } from "./record.ts";
import { Fixture } from "./testing/fixture.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

/** Changes the stored record of a sandbox while no sandboxer runs, to what a killed one would have left. */
function changeRecord(fixture: Fixture, id: string, change: Partial<SandboxRecord>): void {
  const store = openStore(`${fixture.runDir}/sandboxer/state.db`, []);
  const table = store.table<SandboxRecord>("sandboxes");
  const record = table.get(id);
  if (!record) throw new Error(`no record of ${id}`);
  table.put(id, { ...record, ...change });
  store.close();
}

Deno.test("a restart changes nothing of a running pod, and its end is still noticed", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    const before = await fixture.status("s1");
    await fixture.restartSandboxer();
    deepStrictEqual(await fixture.status("s1"), before);
    const wait = fixture.wait("s1");
    fixture.world.crash("s1");
    strictEqual((await wait).exitStatus, 139);
    await fixture.until("s1", "stopped");
    deepStrictEqual(fixture.world.leftovers(), []);
    await fixture.restartSandboxer();
    strictEqual((await fixture.wait("s1")).exitStatus, 139);
    await fixture.shutdown("s1");
  });
});

Deno.test("a VM that died while the sandboxer was away is noticed and cleaned", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    await fixture.downSandboxer();
    fixture.world.crash("s1", 134);
    await fixture.upSandboxer();
    await fixture.until("s1", "stopped");
    strictEqual((await fixture.status("s1")).state, "SANDBOX_NOTREADY");
    strictEqual((await fixture.wait("s1")).exitStatus, 134);
    deepStrictEqual(fixture.world.leftovers(), []);
  });
});

Deno.test("a start that was interrupted is undone and forgotten, wherever it was", async () => {
  await Fixture.run(async (fixture) => {
    for (const id of ["s1", "s2"]) await fixture.runPod(id);
    await fixture.create("s3");
    await fixture.downSandboxer();
    changeRecord(fixture, "s1", { state: "starting" });
    changeRecord(fixture, "s3", { state: "starting", cleaned: false });
    await fixture.upSandboxer();
    await fixture.recovered();
    for (const id of ["s1", "s3"]) await rejects(fixture.status(id), code("NOT_FOUND"));
    strictEqual((await fixture.status("s2")).state, "SANDBOX_READY");
    deepStrictEqual(fixture.world.leftovers().sort(), ["network s2", "share s2", "vm s2"]);
  });
});

Deno.test("a stop and a removal that were interrupted are finished", async () => {
  await Fixture.run(async (fixture) => {
    for (const id of ["s1", "s2"]) await fixture.runPod(id);
    await fixture.downSandboxer();
    changeRecord(fixture, "s1", { state: "stopping" });
    changeRecord(fixture, "s2", { state: "removing" });
    await fixture.upSandboxer();
    await fixture.recovered();
    strictEqual(await fixture.state("s1"), "stopped");
    strictEqual((await fixture.wait("s1")).exitStatus, 0);
    await rejects(fixture.status("s2"), code("NOT_FOUND"));
    deepStrictEqual(fixture.world.leftovers(), []);
  });
});

Deno.test("a created sandbox is kept for its Start, but not for ever", async () => {
  await Fixture.run(async (fixture) => {
    for (const id of ["s1", "s2"]) await fixture.create(id);
    await fixture.downSandboxer();
    changeRecord(fixture, "s2", { createdAtMs: Date.now() - 3_600_000 });
    await fixture.upSandboxer();
    await fixture.recovered();
    await fixture.start("s1");
    await rejects(fixture.status("s2"), code("NOT_FOUND"));
  });
});

Deno.test("recovery waits for peers that are not up yet and answers from its state meanwhile", async () => {
  await Fixture.run(async (fixture) => {
    for (const id of ["s1", "s2"]) await fixture.runPod(id);
    await fixture.downSandboxer();
    changeRecord(fixture, "s1", { state: "starting" });
    for (const name of ["network", "storage", "driver"] as const) await fixture.down(name);
    await fixture.upSandboxer();
    strictEqual((await fixture.status("s2")).state, "SANDBOX_READY");
    for (const name of ["network", "storage", "driver"] as const) await fixture.up(name);
    await fixture.recovered();
    deepStrictEqual(fixture.world.leftovers().sort(), ["network s2", "share s2", "vm s2"]);
  });
});

Deno.test("what belongs to no known sandbox is taken away", async () => {
  await Fixture.run(async (fixture) => {
    for (const id of ["s1", "s2"]) await fixture.runPod(id);
    await fixture.downSandboxer();
    const store = openStore(`${fixture.runDir}/sandboxer/state.db`, []);
    store.table("sandboxes").delete("s1");
    store.close();
    await fixture.upSandboxer();
    await fixture.recovered();
    deepStrictEqual(fixture.world.leftovers().sort(), ["network s2", "share s2", "vm s2"]);
  });
});

Deno.test("a sandbox that takes the id of an unknown one before that is removed is left alone", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    for (const id of ["s1", "s2", "s3"]) await fixture.runPod(id);
    await fixture.downSandboxer();
    const store = openStore(`${fixture.runDir}/sandboxer/state.db`, []);
    for (const id of ["s1", "s2"]) store.table("sandboxes").delete(id);
    store.close();
    const [entered, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.faults.set("driver/remove", () => {
      world.faults.clear();
      entered.resolve();
      return gate.promise;
    });
    await fixture.upSandboxer();
    await entered.promise;
    // The driver still has the unknown one, and the failed start takes it away.
    await rejects(fixture.runPod("s2"), code("ALREADY_EXISTS"));
    await fixture.runPod("s2");
    gate.resolve();
    await fixture.recovered();
    strictEqual((await fixture.status("s2")).state, "SANDBOX_READY");
    const left = ["s2", "s3"].flatMap((id) => ["network", "share", "vm"].map((kind) => `${kind} ${id}`));
    deepStrictEqual(world.leftovers().sort(), left.sort());
  });
});

Deno.test("kill -9 in the middle of everything: the next one finds its way", async () => {
  await Fixture.run(async (fixture) => {
    const { world, runDir } = fixture;
    await fixture.downSandboxer();
    const main = fileURLToPath(new URL("./main.ts", import.meta.url));
    const spawn = () =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--quiet", main, "--run-dir", runDir, "--log-level", "error"],
        stderr: "null",
      }).spawn();
    const first = spawn();
    await fixture.runPod("s1");
    const hanging = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    world.faults.set("driver/start", () => (hanging.resolve(), gate.promise));
    await fixture.create("s2");
    const start = fixture.start("s2");
    start.catch(() => {});
    await hanging.promise;
    const wait = fixture.wait("s1");
    wait.catch(() => {});
    first.kill("SIGKILL");
    await first.status;
    await rejects(start, code("UNAVAILABLE"));
    await rejects(wait, code("UNAVAILABLE"));
    world.faults.clear();
    gate.resolve();

    await fixture.upSandboxer();
    await fixture.recovered();
    strictEqual((await fixture.status("s1")).state, "SANDBOX_READY");
    await rejects(fixture.status("s2"), code("NOT_FOUND"));
    deepStrictEqual(world.leftovers().sort(), ["network s1", "share s1", "vm s1"]);
    await fixture.stop("s1");
    deepStrictEqual(world.leftovers(), []);
  });
});
