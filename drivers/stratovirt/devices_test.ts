import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { QmpClient } from "../contract/qmp/client.ts";
import { FakeMonitor } from "../contract/testing/fake_monitor.ts";
import type { Device } from "../contract/vm/devices.ts";
import { StratoVirtDevices, vfioProperties } from "./devices.ts";
import { DiskTable } from "./disk_table.ts";
import { DIALECT, type StratoVirtCommands } from "./qmp_commands.ts";

/** Takes every command. */
class Willing extends FakeMonitor {
  protected run(): unknown {
    return undefined;
  }
}

async function withDevices(
  test: (devices: StratoVirtDevices, table: DiskTable, vm: Willing, path: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  const vm = new Willing();
  const qmp = await QmpClient.over<StratoVirtCommands>(vm, 1_000, DIALECT);
  try {
    const table = DiskTable.create(`${dir}/disks.json`, [{ bus: "rp0", addr: "0x0" }]);
    await test(new StratoVirtDevices(qmp, table), table, vm, `${dir}/disks.json`);
  } finally {
    qmp.close();
    await qmp.closed;
    await Deno.remove(dir, { recursive: true });
  }
}

const vfio: Device = { $case: "vfio", value: { pciAddress: "ffff:ff:1f.7" } };
const nic = { tap: "t", netnsPath: "/nonexistent", mac: "02:00:00:00:00:01", mtu: 0, queues: 1, link: "" };

Deno.test("a device that cannot be had leaves its port free, and the monitor is not asked", () =>
  withDevices(async (devices, table, vm) => {
    await rejects(devices.attach("v", vfio), { code: "NOT_FOUND" });
    await rejects(devices.attach("n", { $case: "nic", value: { ...nic, mac: "x" } }), {
      code: "INVALID_ARGUMENT",
    });
    await rejects(devices.attach("n", { $case: "nic", value: nic }), { code: "NOT_FOUND" });
    await rejects(devices.attach("p", { $case: "pmem", value: { hostPath: "/p", discardWrites: true } }), {
      code: "UNIMPLEMENTED",
    });
    deepStrictEqual(vm.log, ["qmp_capabilities"]);
    strictEqual(table.take("disk").bus, "rp0");
  }));

Deno.test("a device shares the ports of the disks, and the next process knows of it", () =>
  withDevices(async (devices, table, vm, path) => {
    table.take(":plug-vfio-v");
    strictEqual(await devices.has("v"), true);
    // It is there; a disk of the same name is another thing.
    strictEqual(await devices.attach("v", vfio), "");
    strictEqual(table.has("v"), false);
    strictEqual(DiskTable.load(path).has(":plug-vfio-v"), true);
    await devices.detach("unknown");
    deepStrictEqual(vm.log, ["qmp_capabilities"]);
  }));

Deno.test("a device of the host is named so that each version understands it", () => {
  const host = "0000:03:00.0";
  for (const version of ["StratoVirt-2.1.0", "StratoVirt-2.3.0"]) {
    deepStrictEqual(vfioProperties(host, version), { device: { driver: "vfio-pci", host }, behindBus: "" });
  }
  for (const version of ["StratoVirt-2.4.0", "StratoVirt-2.5.0"]) {
    deepStrictEqual(vfioProperties(host, version), {
      device: { driver: "vfio-pci" },
      behindBus: ",host=0000:03:00.0",
    });
  }
});
