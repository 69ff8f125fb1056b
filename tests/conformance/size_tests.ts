import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { MachineDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { bringOnline } from "./guest_calls.ts";

const MIB = 1024 * 1024;
/** The guest gives and takes as fast as it can, which under emulation is not fast. */
const GUEST_FOLLOWS_MS = 30_000;

/** What the drivers under test are configured with. */
export const ROOM = { vcpus: 3, memoryMib: 256 };

/** Sizes and counters of VMs, for drivers with both capabilities and {@link ROOM} to grow. */
export function sizeTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);
  const sandboxId = "s1";

  test(
    "a sandbox grows within its room, shrinks by its balloon, and the next driver knows",
    "none",
    async (process) => {
      const { guest } = await process.start(sandboxId, { vcpus: 1, memoryMib: 256n });
      const machine = grpcClient(MachineDefinition, `${process.runDir}/driver-${driver.name}.sock`);
      try {
        const before = await bringOnline(guest!, 1);
        strictEqual(before.cpus, 1);
        deepStrictEqual(await machine.resize({ sandboxId, vcpus: 3, memoryMib: 512n }), {
          vcpus: 3,
          memoryMib: 512n,
        });
        const emulated = (await process.client.info({})).accel === "tcg";
        // Linux takes vCPUs only from a hypervisor that it knows, and TCG it takes for bare metal.
        if (emulated) console.log("skipped: vCPUs that come online need KVM");
        const wanted = emulated ? 1 : 3;
        strictEqual((await bringOnline(guest!, wanted)).cpus, wanted);
        await until(async () => {
          const { memTotalKib } = await bringOnline(guest!, wanted);
          return memTotalKib - before.memTotalKib > 200n * 1024n;
        });
        await machine.resize({ sandboxId, vcpus: 0, memoryMib: 320n });
        const memory = async () => (await machine.counters({ sandboxId })).memoryBytes;
        await until(async () => await memory() < 330n * BigInt(MIB));
        await rejects(machine.resize({ sandboxId, vcpus: 4, memoryMib: 0n }), { code: "RESOURCE_EXHAUSTED" });
        await rejects(machine.resize({ sandboxId, vcpus: 0, memoryMib: 1024n }), {
          code: "RESOURCE_EXHAUSTED",
        });
        await rejects(machine.resize({ sandboxId, vcpus: 0, memoryMib: 1n }), { code: "INVALID_ARGUMENT" });
        await rejects(machine.resize({ sandboxId: "s2", vcpus: 0, memoryMib: 0n }), { code: "NOT_FOUND" });
        await process.kill();
        await process.launch("none");
        deepStrictEqual(await machine.resize({ sandboxId, vcpus: 0, memoryMib: 0n }), {
          vcpus: 3,
          memoryMib: 320n,
        });
        await machine.resize({ sandboxId, vcpus: 0, memoryMib: 512n });
        await until(async () => await memory() > 500n * BigInt(MIB));
        await driver.ping(guest!);
      } finally {
        machine.close();
      }
      await process.client.remove({ sandboxId });
    },
  );

  test("a disk's bytes are counted under its serial", "none", async (process) => {
    await process.start(sandboxId);
    const machine = grpcClient(MachineDefinition, `${process.runDir}/driver-${driver.name}.sock`);
    try {
      deepStrictEqual((await machine.counters({ sandboxId })).disks, []);
      const hostPath = `${process.runDir}/disk.img`;
      await Deno.writeFile(hostPath, new Uint8Array(MIB));
      await process.client.attachBlock({ sandboxId, device: { hostPath, serial: "d1", readOnly: true } });
      // The guest looks for partitions.
      const read = async () =>
        (await machine.counters({ sandboxId })).disks.find(({ serial }) => serial === "d1");
      await until(async () => (await read())!.readBytes > 0n);
      strictEqual((await read())!.writeBytes, 0n);
      await process.client.detachBlock({ sandboxId, serial: "d1" });
      deepStrictEqual((await machine.counters({ sandboxId })).disks, []);
    } finally {
      machine.close();
    }
    await process.client.remove({ sandboxId });
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + GUEST_FOLLOWS_MS;
  while (!await holds()) {
    ok(performance.now() < end, `not after ${GUEST_FOLLOWS_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
