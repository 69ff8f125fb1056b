import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { QmpClient } from "../contract/qmp/client.ts";
import { FakeMonitor } from "../contract/testing/fake_monitor.ts";
import type { Slot } from "../contract/vm/slots.ts";
import { DiskTable } from "./disk_table.ts";
import { attachBlock, detachBlock } from "./hotplug.ts";
import { MMIO_BUS } from "./launch_plan.ts";
import { DIALECT, type StratoVirtCommands, type StratoVirtMonitor } from "./qmp_commands.ts";

/** A StratoVirt that keeps the rules of its hot-plug. */
class FakeStratoVirt extends FakeMonitor {
  readonly devices = new Map<string, Record<string, unknown>>();
  readonly nodes = new Set<string>();
  /** True for a microvm. */
  mmio = false;
  /** How often a change of a port is refused because its indicator blinks. */
  blinks = 0;

  protected run(command: string, args: Record<string, unknown>): unknown {
    const id = String(args.id);
    const node = String(args["node-name"]);
    switch (command) {
      case "blockdev-add":
        if (this.nodes.has(node)) throw new Error(`Drive ${node} has been added`);
        this.nodes.add(node);
        break;
      case "blockdev-del":
        if (!this.nodes.delete(node)) throw new Error(`Drive ${node} not found`);
        break;
      case "device_add":
        this.#blink();
        if (!this.nodes.has(String(args.drive))) throw new Error("Failed to find device configuration.");
        this.devices.set(id, args);
        break;
      case "device_del":
        this.#blink();
        // A microvm's backend is forgotten with its device, and without one.
        if (this.mmio && this.nodes.delete(id)) this.devices.delete(id);
        else if (!this.devices.delete(id)) {
          // In the real one's words.
          throw new Error(this.mmio ? `Device ${id} not found` : "Can not find parent device from pci bus");
        }
        this.event("DEVICE_DELETED", { device: id, path: id });
    }
    return undefined;
  }

  #blink(): void {
    if (this.blinks-- > 0) throw new Error("Guest is still on the fly of another (un)plugging");
  }
}

const PORTS: Slot[] = [{ bus: "rp0", addr: "0x0" }, { bus: "rp1", addr: "0x0" }];
const MMIO: Slot[] = [{ bus: MMIO_BUS, addr: "0x2" }];
const disk = (serial: string) => ({ hostPath: new URL(import.meta.url).pathname, serial, readOnly: true });

async function withVm(
  slots: readonly Slot[],
  test: (vm: FakeStratoVirt, qmp: StratoVirtMonitor, table: DiskTable) => Promise<void>,
): Promise<void> {
  const vm = new FakeStratoVirt();
  const qmp = await QmpClient.over<StratoVirtCommands>(vm, 1_000, DIALECT);
  const dir = await Deno.makeTempDir();
  try {
    await test(vm, qmp, DiskTable.create(`${dir}/disks.json`, slots));
  } finally {
    qmp.close();
    await qmp.closed;
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("a disk comes and goes, its port is given back, and both may be repeated", () =>
  withVm(PORTS, async (vm, qmp, table) => {
    for (let i = 0; i < 5; i++) {
      await attachBlock(qmp, table, disk("a"));
      await attachBlock(qmp, table, disk("a"));
      deepStrictEqual(vm.devices.get("disk-a"), {
        driver: "virtio-blk-pci",
        bus: "rp0",
        id: "disk-a",
        drive: "disk-a",
        serial: "a",
        addr: "0x0",
      });
      await detachBlock(qmp, table, "a");
      await detachBlock(qmp, table, "a");
      deepStrictEqual([vm.devices.size, vm.nodes.size], [0, 0]);
    }
  }));

Deno.test("in a microvm a disk replaces nothing, and its backend goes with it", () =>
  withVm(MMIO, async (vm, qmp, table) => {
    vm.mmio = true;
    vm.failNext = "device_add";
    await rejects(attachBlock(qmp, table, disk("a")), { code: "INTERNAL" });
    deepStrictEqual([vm.nodes.size, table.slotOf("a")], [0, undefined]);
    await attachBlock(qmp, table, disk("a"));
    deepStrictEqual(vm.devices.get("disk-a"), {
      driver: "virtio-blk-mmio",
      id: "disk-a",
      drive: "disk-a",
      serial: "a",
      addr: "0x2",
    });
    await detachBlock(qmp, table, "a");
    strictEqual(vm.log.includes("blockdev-del"), false);
  }));

Deno.test("a port that blinks is tried again", () =>
  withVm(PORTS, async (vm, qmp, table) => {
    vm.blinks = 2;
    await attachBlock(qmp, table, disk("a"));
    vm.blinks = 1;
    await detachBlock(qmp, table, "a");
    deepStrictEqual(vm.log.filter((command) => command === "device_add").length, 3);
  }));

for (const command of ["blockdev-add", "device_add"]) {
  Deno.test(`a failure of ${command} leaves nothing`, () =>
    withVm(PORTS, async (vm, qmp, table) => {
      vm.failNext = command;
      await rejects(attachBlock(qmp, table, disk("a")), { code: "INTERNAL" });
      deepStrictEqual([vm.devices.size, vm.nodes.size, table.slotOf("a")], [0, 0, undefined]);
      await attachBlock(qmp, table, disk("a"));
      await attachBlock(qmp, table, disk("b"));
      await rejects(attachBlock(qmp, table, disk("c")), { code: "RESOURCE_EXHAUSTED" });
    }));
}

Deno.test("a removal that an earlier deadline has missed is finished", () =>
  withVm(PORTS, async (vm, qmp, table) => {
    await attachBlock(qmp, table, disk("a"));
    vm.failNext = "device_del";
    await rejects(detachBlock(qmp, table, "a"));
    strictEqual(table.has("a"), false);
    vm.devices.delete("disk-a");
    await detachBlock(qmp, table, "a");
    ok(table.slotOf("a") === undefined && vm.nodes.size === 0);
  }));
