import { strictEqual } from "node:assert/strict";
import { loadSandboxerConfig } from "./config.ts";
import { Fixture } from "./testing/fixture.ts";

Deno.test("what was created and never started is forgotten, and what runs is not", async () => {
  const { timeouts } = loadSandboxerConfig(undefined);
  await Fixture.run(async (fixture) => {
    await fixture.runPod("s1");
    await fixture.restartWith({ timeouts: { ...timeouts, created_ms: 100 } });
    await fixture.create("s2");
    await fixture.until("s2", undefined);
    strictEqual(await fixture.state("s1"), "ready");
    await fixture.restartWith({ timeouts });
    await fixture.create("s2");
    strictEqual(await fixture.state("s2"), "created");
  });
});
