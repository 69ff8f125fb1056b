import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { createRequest, Fixture } from "./testing/fixture.ts";
import { failing } from "./testing/world.ts";

const MIB = 1 << 20;

/** What a pod of the tests has at first: a VM of 128 + 64 MiB. */
const linux = message(LinuxPodSandboxConfig, {
  resources: message(LinuxContainerResources, {
    memoryLimitInBytes: BigInt(128 * MIB),
    cpuQuota: 50_000n,
    cpuPeriod: 100_000n,
  }),
});

/** As containerd 2.3 and later sends it: the field's name, no sandboxer, and Go's JSON. */
function update(fixture: Fixture, resources: unknown, fields = ["extensions"]) {
  const { sandbox } = createRequest("s1");
  const value = new TextEncoder().encode(JSON.stringify({ Overhead: null, Resources: resources }));
  const typeUrl = "io.containerd.cri.v1/UpdatedResources";
  const extensions = { ...sandbox!.extensions, "updated-resources": { typeUrl, value } };
  return fixture.controller.update({
    sandboxId: "s1",
    sandboxer: "",
    sandbox: { ...sandbox!, extensions },
    fields,
  });
}

const sized = (mib: number, cpus: number) => ({
  cpu_period: 100000,
  cpu_quota: cpus * 100000,
  memory_limit_in_bytes: mib * MIB,
});

async function runPod(fixture: Fixture): Promise<void> {
  await fixture.create("s1", { options: createRequest("s1", { linux }).options });
  await fixture.start("s1");
  fixture.world.calls.length = 0;
}

Deno.test("a VM grows with its pod, and its guest brings the vCPUs online", async () => {
  await Fixture.run(async (fixture) => {
    await runPod(fixture);
    await update(fixture, sized(600, 2));
    deepStrictEqual(fixture.world.calls, ["driver/resize s1", "guest/online s1"]);
    const { json } = await fixture.admin.inspect({ id: "s1" });
    ok(json.includes("664"), json);
    fixture.world.calls.length = 0;
    await update(fixture, sized(600, 2));
    await update(fixture, sized(600, 1));
    deepStrictEqual(fixture.world.calls, [], "nothing is left to do, and vCPUs do not go");
    await update(fixture, sized(200, 2));
    deepStrictEqual(fixture.world.calls, ["driver/resize s1"]);
  });
});

Deno.test("what a driver cannot do is an error that containerd does not take for a sandboxer without updates", async () => {
  await Fixture.run(async (fixture) => {
    await runPod(fixture);
    for (
      const [code, told] of [["UNIMPLEMENTED", "FAILED_PRECONDITION"], [
        "RESOURCE_EXHAUSTED",
        "RESOURCE_EXHAUSTED",
      ]] as const
    ) {
      fixture.world.faults.set("driver/resize", failing(code));
      await rejects(update(fixture, sized(600, 2)), { code: told });
    }
    fixture.world.faults.clear();
    fixture.world.calls.length = 0;
    await update(fixture, sized(600, 2));
    strictEqual(fixture.world.calls.length, 2, "a refused size is tried again");
  });
});

Deno.test("updates of other things, of created sandboxes and of unknown ones", async () => {
  await Fixture.run(async (fixture) => {
    await rejects(update(fixture, sized(600, 2)), { code: "NOT_FOUND" });
    await fixture.create("s1", { options: createRequest("s1", { linux }).options });
    await update(fixture, sized(600, 2));
    strictEqual(fixture.world.calls.length, 0);
    ok((await fixture.admin.inspect({ id: "s1" })).json.includes("664"));
    await fixture.start("s1");
    fixture.world.calls.length = 0;
    await update(fixture, sized(900, 3), ["labels"]);
    await fixture.controller.update({ sandboxId: "s1", sandboxer: "", sandbox: undefined, fields: [] });
    deepStrictEqual(fixture.world.calls, []);
    await rejects(update(fixture, "much"), { code: "INVALID_ARGUMENT" });
    await rejects(update(fixture, { cpu_quota: "1" }), { code: "INVALID_ARGUMENT" });
    await fixture.stop("s1");
    await rejects(update(fixture, sized(900, 3)), { code: "FAILED_PRECONDITION" });
  });
});
