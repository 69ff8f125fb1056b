import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { loadSandboxerConfig } from "./config.ts";
import { Fixture } from "./testing/fixture.ts";

const timeouts = (change: { peer_ms?: number; start_ms?: number }) => {
  const { timeouts } = loadSandboxerConfig(undefined);
  return { timeouts: { ...timeouts, ...change } };
};

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a driver that is still being started by systemd has all the time of the start", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.down("driver");
    await fixture.create("s1");
    const started = fixture.start("s1");
    await later(600);
    await fixture.up("driver");
    ok((await started).pid > 0);
  }, timeouts({ peer_ms: 100 }));
});

Deno.test("a container whose disks take long to make has the time of a start, too", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    fixture.world.faults.set("storage/prepareContainer", async () => void await later(600));
    const request = { sandboxId: "s1", containerId: "c1", bundle: "/b", rootfs: [] };
    const prepared = await fixture.withPrepare((prepare) => prepare.prepareContainer(request));
    strictEqual(prepared.guestBundle, "/run/kuasar/state/c1");
  }, timeouts({ peer_ms: 100 }));
});

Deno.test("a start that takes too long says what it was waiting for, in words", async () => {
  await Fixture.run(async (fixture) => {
    await fixture.down("driver");
    await fixture.create("s1");
    await rejects(fixture.start("s1"), (error) => {
      const { code, message } = asKuasarError(error);
      strictEqual(code, "DEADLINE_EXCEEDED");
      match(message, /^Cannot start sandbox s1 within 1 s: still waiting for driver qemu$/);
      return true;
    });
    await fixture.up("driver");
  }, timeouts({ start_ms: 1_000, peer_ms: 100 }));
});
