import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { KuasarError } from "../../../lib/errors/mod.ts";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import {
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type { DriverTest } from "./mod.ts";
import type { DriverCommand } from "./subject.ts";

/** The configuration of a pod with sysctls. */
function withSysctls(sysctls: Record<string, string>): Uint8Array {
  const linux = { ...LinuxPodSandboxConfig.decode(new Uint8Array()), sysctls };
  return PodSandboxConfig.encode({ ...PodSandboxConfig.decode(new Uint8Array()), linux }).finish();
}

/** From start to remove, in order and out of order. */
export function hostLifecycleTests(test: DriverTest, driver: DriverCommand): void {
  test("says what it is", "none", async ({ client }) => {
    const info = await client.info({});
    deepStrictEqual([info.name, info.vm, info.accel], [driver.name, false, ""]);
    notStrictEqual(info.version, "");
  });

  test("a sandbox starts, is stopped, waited for and removed", "none", async (process) => {
    const { client } = process;
    const started = await process.start("s1");
    strictEqual(started.guest, undefined);
    ok(started.phases.length > 0);
    strictEqual((await client.status({ sandboxId: "s1" })).state, SandboxState.RUNNING);
    deepStrictEqual((await client.list({})).sandboxIds, ["s1"]);
    const waits = [process.wait("s1"), process.wait("s1")];
    await client.stop({ sandboxId: "s1", graceMs: 0 });
    await client.stop({ sandboxId: "s1", graceMs: 0 });
    for (const exit of await Promise.all(waits)) ok(exit.exitedAt!.seconds > 0n);
    strictEqual((await client.status({ sandboxId: "s1" })).state, SandboxState.STOPPED);
    deepStrictEqual((await client.status({ sandboxId: "s1" })).pids, []);
    await client.remove({ sandboxId: "s1" });
    await client.remove({ sandboxId: "s1" });
    await rejects(process.wait("s1"), { code: "NOT_FOUND" });
  });

  test("unknown ids: fine for stop, remove and release, NOT_FOUND elsewhere", "none", async ({ client }) => {
    const sandboxId = "nobody";
    await client.stop({ sandboxId, graceMs: 0 });
    await client.remove({ sandboxId });
    await client.releaseContainer({ sandboxId, containerId: "c1" });
    const container = { sandboxId, containerId: "c1", bundle: "/nowhere", rootfs: [] };
    for (
      const call of [
        () => client.wait({ sandboxId }),
        () => client.status({ sandboxId }),
        () => client.prepareContainer(container),
      ]
    ) await rejects(call, { code: "NOT_FOUND" });
  });

  test("what only VMs can do is refused by a code of its own", "none", async (process) => {
    await process.start("s1");
    const device = { hostPath: "/etc/hostname", serial: "s", readOnly: true };
    await rejects(process.client.attachBlock({ sandboxId: "s1", device }), { code: "UNIMPLEMENTED" });
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a request that makes no sense, or would change the host, is refused", "none", async (process) => {
    for (
      const change of [
        { netnsPath: "/etc/hostname" },
        { netnsPath: "/nowhere" },
        { podConfig: withSysctls({ "kernel.panic": "1" }) },
        { podConfig: withSysctls({ "kernel/../vm/swappiness": "1" }) },
        { files: [{ name: "../escaped", content: new Uint8Array() }] },
      ]
    ) {
      await rejects(process.start("s1", change), { code: "INVALID_ARGUMENT" });
      await process.assertClean();
    }
  });

  test("a start without its runtime says what is missing and where", "missing-vmm", async (process) => {
    await rejects(process.start("s1"), (error: KuasarError) => {
      strictEqual(error.code, "FAILED_PRECONDITION");
      ok(error.message.includes("does not exist"), error.message);
      ok(error.message.includes("deno task setup"), "and how to get it");
      return true;
    });
    await process.client.remove({ sandboxId: "s1" });
  });

  test("ten sandboxes start and go at once", "none", async (process) => {
    const ids = Array.from({ length: 10 }, (_, i) => `s${i}`);
    await Promise.all(ids.map((id) => process.start(id)));
    deepStrictEqual((await process.client.list({})).sandboxIds, ids);
    await Promise.all(ids.map((sandboxId) => process.client.remove({ sandboxId })));
  });
}
