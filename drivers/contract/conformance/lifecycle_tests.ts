import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { eventually } from "./driver_process.ts";
import type { DriverUnderTest } from "./subject.ts";
import type { DriverTest } from "./mod.ts";

/** From start to remove, in order and out of order. */
export function lifecycleTests(test: DriverTest, driver: DriverUnderTest): void {
  test("says what it is", "none", async ({ client }) => {
    const info = await client.info({});
    strictEqual(info.name, driver.name);
    strictEqual(info.vm, true);
    notStrictEqual(info.version, "");
    ok(["kvm", "tcg"].includes(info.accel), info.accel);
    ok(info.accel === "kvm" || info.notes.length > 0, "why there is no KVM is told");
  });

  test("a sandbox starts, is stopped by force, waited for and removed", "none", async (process) => {
    const { client } = process;
    const started = await process.start("s1");
    ok(started.pid > 0);
    ok(started.phases.length > 0);
    for (const { name, begin, end } of started.phases) {
      ok(begin && end, name);
      const ns = (end.seconds - begin.seconds) * 1_000_000_000n + BigInt(end.nanos - begin.nanos);
      ok(ns >= 0n, `${name} ends after it begins`);
    }
    const { kind, secret } = started.guest!;
    // Whoever reaches the agent is root in the guest: a socket for root alone, or a secret.
    if (kind?.$case === "hybridPath") strictEqual(Deno.statSync(kind.value).mode! & 0o077, 0);
    else match(secret, /^[0-9a-f]{64}$/);
    await driver.ping(started.guest!);
    const status = await client.status({ sandboxId: "s1" });
    strictEqual(status.state, SandboxState.RUNNING);
    strictEqual(status.pid, started.pid);
    deepStrictEqual(status.guest, started.guest);
    ok(status.pids.includes(started.pid));
    deepStrictEqual([...status.pids].sort(), process.helpers().sort());
    deepStrictEqual((await client.list({})).sandboxIds, ["s1"]);

    await client.stop({ sandboxId: "s1", graceMs: 0 });
    await client.stop({ sandboxId: "s1", graceMs: 0 });
    const exit = await process.wait("s1");
    ok(exit.exitedAt!.seconds > 0n);
    const stopped = await client.status({ sandboxId: "s1" });
    strictEqual(stopped.state, SandboxState.STOPPED);
    deepStrictEqual(stopped.pids, []);

    await client.remove({ sandboxId: "s1" });
    await client.remove({ sandboxId: "s1" });
    await rejects(process.wait("s1"), { code: "NOT_FOUND" });
  });

  test("unknown ids: fine for stop and remove, NOT_FOUND elsewhere", "none", async ({ client }) => {
    const sandboxId = "nobody";
    await client.stop({ sandboxId, graceMs: 0 });
    await client.remove({ sandboxId });
    await client.detachBlock({ sandboxId, serial: "s" });
    const device = { hostPath: "/etc/hostname", serial: "s", readOnly: true };
    for (
      const call of [
        () => client.wait({ sandboxId }),
        () => client.status({ sandboxId }),
        () => client.pause({ sandboxId }),
        () => client.resume({ sandboxId }),
        () => client.attachBlock({ sandboxId, device }),
      ]
    ) await rejects(call, { code: "NOT_FOUND" });
  });

  test("a request that makes no sense is refused before anything is made", "none", async (process) => {
    const nic = { tap: "t", netnsPath: "/proc/self/ns/net", mac: "no", mtu: 0, queues: 1, link: "" };
    for (
      const change of [
        { vcpus: 100_000 },
        { memoryMib: 1n },
        { memoryMib: 2n ** 60n },
        { kernelParams: ['a"b'] },
        { kernelParams: ["a\nb"] },
        { kernelParams: Array(200).fill("x=" + "y".repeat(50)) },
        { nics: [nic] },
      ]
    ) await rejects(process.start("s1", change), { code: "INVALID_ARGUMENT" });
  });

  test("a guest that powers itself off is told to those who wait", "none", async (process) => {
    const { guest } = await process.start("s1");
    const waits = [process.wait("s1"), process.wait("s1")];
    await driver.powerOff(guest!);
    for (const exit of await Promise.all(waits)) strictEqual(exit.exitStatus, 0);
    strictEqual((await process.wait("s1")).exitStatus, 0);
    // Nothing is left to wait for, so the time of grace is not used.
    await process.client.stop({ sandboxId: "s1", graceMs: 600_000 });
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a stop with grace ends when the guest does", "none", async (process) => {
    const { guest } = await process.start("s1");
    const stopped = process.client.stop({ sandboxId: "s1", graceMs: 600_000 }, { timeoutMs: 60_000 });
    await driver.powerOff(guest!);
    await stopped;
    strictEqual((await process.wait("s1")).exitStatus, 0);
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a guest that does not use its grace is ended by force", "none", async (process) => {
    await process.start("s1");
    await process.client.stop({ sandboxId: "s1", graceMs: 200 });
    strictEqual((await process.client.status({ sandboxId: "s1" })).state, SandboxState.STOPPED);
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a start is given up when its sandbox is removed meanwhile", "silent-guest", async (process) => {
    const started = process.start("s1");
    const failed = rejects(started, { code: "ABORTED" });
    await eventually(() => process.helpers().length > 0, true);
    await process.client.remove({ sandboxId: "s1" });
    await failed;
  });

  test("five sandboxes start and go at once", "none", async (process) => {
    const ids = ["s1", "s2", "s3", "s4", "s5"];
    const started = await Promise.all(ids.map((id) => process.start(id)));
    strictEqual(new Set(started.map(({ pid }) => pid)).size, ids.length);
    await Promise.all(started.map(({ guest }) => driver.ping(guest!)));
    deepStrictEqual((await process.client.list({})).sandboxIds, ids);
    await Promise.all(ids.map((sandboxId) => process.client.remove({ sandboxId })));
  });
}
