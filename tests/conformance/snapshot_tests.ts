import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { startRequest } from "../../drivers/contract/testing/start_request.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { MachineDefinition, SandboxState } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { uptimeMs } from "./guest_calls.ts";

/** What a sandbox gets whose containers are disks. */
export const WITHOUT_SHARE = {
  kind: ShareKind.BLOCK,
  tag: "kuasar",
  hostDir: "/nonexistent",
  socketPath: "",
  guestDir: "/run/kuasar/state",
};

const OPTIONS = { timeoutMs: 120_000 };

/**
 * Snapshots of VMs, for drivers that have them.
 *
 * @param shares false where a driver's sandboxes never have a share
 */
export function snapshotTests(driver: DriverUnderTest, shares = true): void {
  const test = testsOf(driver);

  test(
    "a snapshot starts sandboxes that go on where it was taken, side by side with their origin",
    "none",
    async (process) => {
      const { client, runDir } = process;
      const machine = grpcClient(MachineDefinition, `${runDir}/driver-${driver.name}.sock`);
      try {
        const directory = `${runDir}/snapshot`;
        await Deno.mkdir(directory);
        const first = await process.start("s1", { share: WITHOUT_SHARE });
        const hostPath = `${runDir}/disk.img`;
        await Deno.writeFile(hostPath, new Uint8Array(1 << 20));
        await client.attachBlock({ sandboxId: "s1", device: { hostPath, serial: "d1", readOnly: true } });
        const before = await uptimeMs(first.guest!);
        await machine.snapshot({ sandboxId: "s1", directory }, OPTIONS);
        strictEqual((await client.status({ sandboxId: "s1" })).state, SandboxState.PAUSED);
        const saved = Deno.readTextFileSync(`${directory}/config.json`);

        const restore = (sandboxId: string, onDemand: boolean) =>
          machine.restore({ start: startRequest({ sandboxId }), directory, onDemand }, OPTIONS);
        const [second, third] = await Promise.all([restore("s2", false), restore("s3", true)]);
        notStrictEqual(second.pid, third.pid);
        for (const { guest } of [second, third]) {
          const uptime = await uptimeMs(guest!);
          ok(uptime >= before && uptime < before + 60_000, `${before} ${uptime}`);
        }
        // Its disk is known: neither a second one nor an error.
        await client.attachBlock({ sandboxId: "s2", device: { hostPath, serial: "d1", readOnly: true } });
        await client.detachBlock({ sandboxId: "s2", serial: "d1" });
        await client.resume({ sandboxId: "s1" });
        await driver.ping(first.guest!);
        strictEqual(Deno.readTextFileSync(`${directory}/config.json`), saved);
        await process.kill();
        await process.launch("none");
        await driver.ping(third.guest!);
        deepStrictEqual((await client.list({})).sandboxIds, ["s1", "s2", "s3"]);
        for (const sandboxId of ["s1", "s2", "s3"]) await client.remove({ sandboxId });
        await Deno.remove(directory, { recursive: true });
      } finally {
        machine.close();
      }
    },
  );

  test("what cannot be written or restored is refused and leaves nothing", "none", async (process) => {
    const { client, runDir } = process;
    const machine = grpcClient(MachineDefinition, `${runDir}/driver-${driver.name}.sock`);
    try {
      const directory = `${runDir}/snapshot`;
      await Deno.mkdir(directory);
      const start = startRequest({ sandboxId: "s2" });
      await rejects(machine.snapshot({ sandboxId: "s1", directory }), { code: "NOT_FOUND" });
      await process.start("s1");
      if (shares) {
        await rejects(machine.snapshot({ sandboxId: "s1", directory }), { code: "FAILED_PRECONDITION" });
      }
      await rejects(machine.snapshot({ sandboxId: "s1", directory: `${runDir}/none` }), {
        code: "NOT_FOUND",
      });
      await rejects(machine.restore({ start, directory: "relative", onDemand: false }), {
        code: "INVALID_ARGUMENT",
      });
      await rejects(machine.restore({ start, directory, onDemand: false }, OPTIONS), { code: "NOT_FOUND" });
      await Deno.writeTextFile(`${directory}/config.json`, "{}");
      await rejects(machine.restore({ start, directory, onDemand: false }, OPTIONS), { code: "ABORTED" });
      await rejects(machine.restore({ start: undefined, directory, onDemand: false }), {
        code: "INVALID_ARGUMENT",
      });
      deepStrictEqual((await client.list({})).sandboxIds, ["s1"]);
      await client.remove({ sandboxId: "s1" });
      await Deno.remove(directory, { recursive: true });
    } finally {
      machine.close();
    }
  });
}
