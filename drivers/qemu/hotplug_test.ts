import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { attachBlock, detachBlock, readHotplugPlan, readPlaces } from "./hotplug.ts";
import { QmpClient } from "../contract/qmp/client.ts";
import { FakeMonitor } from "../contract/testing/fake_monitor.ts";
import { SlotTable } from "../contract/vm/slots.ts";
import { Places } from "./places.ts";
import type { QemuCommands, QemuMonitor } from "./qmp_commands.ts";

/** A QEMU that keeps the rules of hot-plug: a place holds one device, a node is busy while a device uses it. */
class FakeQemu extends FakeMonitor {
  readonly devices = new Map<string, Record<string, unknown>>();
  readonly nodes = new Set<string>();
  /** What the guest does when it is asked to let go. */
  guest: "obeys" | "refuses" = "obeys";

  protected run(command: string, args: Record<string, unknown>): unknown {
    const id = String(args.id);
    switch (command) {
      case "blockdev-add":
        if (this.nodes.has(String(args["node-name"]))) throw new Error("Duplicate nodes");
        this.nodes.add(String(args["node-name"]));
        break;
      case "blockdev-del":
        if (this.devices.has(String(args["node-name"]))) throw new Error("Node is in use");
        if (!this.nodes.delete(String(args["node-name"]))) {
          throw new Error("Failed to find node with node-name=''");
        }
        break;
      case "device_add":
        for (const d of this.devices.values()) {
          if (d.bus === args.bus && d.addr === args.addr) throw new Error("PCI: slot in use");
        }
        this.devices.set(id, args);
        break;
      case "device_del":
        if (!this.devices.has(id)) throw new Error(`Device '${id}' not found`, { cause: "DeviceNotFound" });
        if (this.guest === "refuses") {
          this.event("DEVICE_UNPLUG_GUEST_ERROR", { device: id, path: "" });
          break;
        }
        this.devices.delete(id);
        this.event("DEVICE_DELETED", { path: `/machine/peripheral/${id}/virtio-backend` });
        this.event("DEVICE_DELETED", { device: id, path: `/machine/peripheral/${id}` });
        break;
      case "qom-list":
        return [
          { name: "type", type: "string" },
          ...[...this.devices.keys()].map((name) => ({ name, type: "child<x>" })),
        ];
      case "qom-get": {
        const device = this.devices.get(String(args.path).split("/").at(-1)!)!;
        return args.property === "parent_bus"
          ? `/machine/peripheral/${device.bus}/${device.bus}`
          : Number(device.addr) << 3;
      }
      case "query-named-block-nodes":
        return [{}, ...[...this.nodes].map((node) => ({ "node-name": node }))];
    }
    return undefined;
  }
}

const table = () => new SlotTable([1, 2].map((n) => ({ bus: "hotplug", addr: `0x${n}` })));
const disk = (serial: string) => ({ hostPath: new URL(import.meta.url).pathname, serial, readOnly: true });

async function withQemu(test: (qemu: FakeQemu, qmp: QemuMonitor) => Promise<void>): Promise<void> {
  const qemu = new FakeQemu();
  const qmp = await QmpClient.over<QemuCommands>(qemu);
  try {
    await test(qemu, qmp);
  } finally {
    qmp.close();
    await qmp.closed;
  }
}

Deno.test("a disk comes and goes, and both may be repeated", () =>
  withQemu(async (qemu, qmp) => {
    const slots = table();
    for (let i = 0; i < 5; i++) {
      await attachBlock(qmp, slots, disk("a"));
      await attachBlock(qmp, slots, disk("a"));
      deepStrictEqual([...qemu.devices.keys()], ["disk-a"]);
      await detachBlock(qmp, slots, "a");
      await detachBlock(qmp, slots, "a");
      deepStrictEqual([qemu.devices.size, qemu.nodes.size], [0, 0]);
    }
  }));

Deno.test("a disk that QEMU refuses leaves neither a node nor a taken slot", () =>
  withQemu(async (qemu, qmp) => {
    const slots = table();
    for (const command of ["blockdev-add", "device_add"]) {
      qemu.failNext = command;
      await rejects(attachBlock(qmp, slots, disk("a")), { code: "INTERNAL" });
      deepStrictEqual([qemu.nodes.size, slots.serials()], [0, []]);
    }
    await attachBlock(qmp, slots, disk("a"));
  }));

Deno.test("slots run out with a clear error", () =>
  withQemu(async (_qemu, qmp) => {
    const slots = table();
    await attachBlock(qmp, slots, disk("a"));
    await attachBlock(qmp, slots, disk("b"));
    await rejects(attachBlock(qmp, slots, disk("c")), { code: "RESOURCE_EXHAUSTED" });
  }));

Deno.test("a guest that keeps a disk: the slot stays taken until it lets go", () =>
  withQemu(async (qemu, qmp) => {
    const slots = table();
    await attachBlock(qmp, slots, disk("a"));
    qemu.guest = "refuses";
    await rejects(detachBlock(qmp, slots, "a"), { code: "FAILED_PRECONDITION" });
    ok(slots.mayHave("a"));
    qemu.guest = "obeys";
    await detachBlock(qmp, slots, "a");
    deepStrictEqual([slots.serials(), qemu.nodes.size], [[], 0]);
  }));

Deno.test("a removal that came through later is finished when it is asked for again", () =>
  withQemu(async (qemu, qmp) => {
    const slots = table();
    await attachBlock(qmp, slots, disk("a"));
    slots.lose("a");
    qemu.devices.delete("disk-a");
    await detachBlock(qmp, slots, "a");
    deepStrictEqual([slots.serials(), qemu.nodes.size], [[], 0]);
  }));

Deno.test("a new driver reads the slots and cleans what a removal has left", () =>
  withQemu(async (qemu, qmp) => {
    const before = table();
    await attachBlock(qmp, before, disk("a"));
    await attachBlock(qmp, before, disk("b"));
    qemu.devices.delete("disk-a");
    qemu.devices.set("image", { bus: "pcie.0", addr: "0x3" });
    qemu.nodes.add("image");
    const places = new Places({ kind: "bridge" });
    await readPlaces(qmp, places);
    const after = places.small;
    deepStrictEqual(after.serials(), ["b"]);
    deepStrictEqual([...qemu.nodes].sort(), ["disk-b", "image"]);
    deepStrictEqual(after.take("c"), { bus: "hotplug", addr: "0x1" });
  }));

Deno.test("a new driver reads which places for disks there are", () =>
  withQemu(async (qemu, qmp) => {
    deepStrictEqual(await readHotplugPlan(qmp), { kind: "ports", count: 0 });
    for (const id of ["rp0", "rp1", "rp3"]) qemu.devices.set(id, {});
    deepStrictEqual(await readHotplugPlan(qmp), { kind: "ports", count: 2 });
    qemu.devices.set("hotplug", {});
    deepStrictEqual(await readHotplugPlan(qmp), { kind: "bridge", ports: 2 });
  }));

for (const serial of ["", "a,b", "x".repeat(21), "-a", "a b"]) {
  Deno.test(`the serial ${JSON.stringify(serial)} is refused`, () =>
    withQemu(async (qemu, qmp) => {
      await rejects(attachBlock(qmp, table(), disk(serial)), { code: "INVALID_ARGUMENT" });
      await rejects(detachBlock(qmp, table(), serial), { code: "INVALID_ARGUMENT" });
      deepStrictEqual(qemu.log, ["qmp_capabilities"]);
    }));
}
