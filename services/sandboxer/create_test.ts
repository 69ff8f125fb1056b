import { rejects } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import { PodSandboxMetadata } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { createRequest, Fixture } from "./testing/fixture.ts";

/** A sandbox for the pod of these names. */
function create(fixture: Fixture, id: string, change: Partial<PodSandboxMetadata> = {}): Promise<void> {
  const metadata = message(PodSandboxMetadata, { name: "web", namespace: "default", uid: "u-1", ...change });
  return fixture.create(id, { options: createRequest(id, { metadata }).options });
}

Deno.test("the same attempt of a pod is not started twice", async () => {
  await Fixture.run(async (fixture) => {
    await create(fixture, "s1");
    // As after a start that nobody has asked for in time.
    await create(fixture, "s2");
    await fixture.start("s1");
    await rejects(create(fixture, "s3"), { code: "ALREADY_EXISTS" });
    await create(fixture, "s4", { attempt: 1 });
    await create(fixture, "s5", { uid: "u-2" });
    await create(fixture, "s6", { uid: "" });
    await fixture.restartSandboxer();
    await rejects(create(fixture, "s3"), { code: "ALREADY_EXISTS" });
    fixture.world.crash("s1");
    await fixture.until("s1", "stopped");
    await create(fixture, "s3");
  });
});
