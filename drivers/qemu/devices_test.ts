import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { QmpClient } from "../contract/qmp/client.ts";
import { FakeMonitor } from "../contract/testing/fake_monitor.ts";
import type { Device } from "../contract/vm/devices.ts";
import { findDevice, nameOf } from "./device_ids.ts";
import { removeBackend } from "./device_parts.ts";
import { QemuDevices } from "./devices.ts";
import { Places } from "./places.ts";
import type { QemuCommands, QemuMonitor } from "./qmp_commands.ts";

/** A QEMU with what stands behind devices, and the bus that the guest has numbered. */
class FakeQemu extends FakeMonitor {
  readonly devices = new Map<string, Record<string, unknown>>();
  readonly backends = new Set<string>();
  obeys = true;

  protected run(command: string, args: Record<string, unknown>): unknown {
    const id = String(args.id);
    switch (command) {
      case "chardev-add":
      case "object-add":
      case "netdev_add":
        if (this.backends.has(id)) throw new Error(`Duplicate ID '${id}'`);
        this.backends.add(id);
        return undefined;
      case "chardev-remove":
      case "object-del":
      case "netdev_del":
        if (!this.backends.delete(id)) {
          throw new Error(`Device '${id}' not found`, { cause: "DeviceNotFound" });
        }
        return undefined;
      case "device_add":
        if (args.driver === "virtio-pmem-pci" && args.memdev === "plug-pmem-big-memory") {
          throw new Error("the configuration is not prepared for memory devices (maxmem)");
        }
        this.devices.set(id, args);
        return undefined;
      case "device_del":
        if (!this.devices.has(id)) throw new Error(`Device '${id}' not found`, { cause: "DeviceNotFound" });
        if (!this.obeys) {
          this.event("DEVICE_UNPLUG_GUEST_ERROR", { device: id, path: "" });
          return undefined;
        }
        this.devices.delete(id);
        this.event("DEVICE_DELETED", { device: id, path: "" });
        return undefined;
      case "qom-list":
        return [...this.devices.keys()].map((name) => ({ name, type: "child<x>" }));
      case "query-pci": {
        const below = [...this.devices].map(([qdev_id, { addr }]) => ({
          qdev_id,
          bus: 1,
          slot: Number(addr),
          function: 0,
        }));
        const bridge = { qdev_id: "hotplug", bus: 0, slot: 16, function: 0, pci_bridge: { devices: below } };
        return [{ bus: 0, devices: [{ qdev_id: "", bus: 0, slot: 0, function: 0 }, bridge] }];
      }
    }
    return undefined;
  }
}

async function withQemu(
  test: (qemu: FakeQemu, devices: QemuDevices, qmp: QemuMonitor) => Promise<void>,
): Promise<void> {
  const qemu = new FakeQemu();
  const qmp = await QmpClient.over<QemuCommands>(qemu);
  try {
    await test(qemu, new QemuDevices(qmp, new Places({ kind: "bridge" })), qmp);
  } finally {
    qmp.close();
    await qmp.closed;
  }
}

async function withShare(test: (share: Device) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  const socketPath = `${dir}/fs.sock`;
  const listener = Deno.listen({ transport: "unix", path: socketPath });
  try {
    const value = { kind: ShareKind.VIRTIOFS, tag: "second", hostDir: "", guestDir: "", socketPath };
    await test({ $case: "share", value });
  } finally {
    listener.close();
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("a share comes and goes with what stands behind it, and both may be repeated", () =>
  withShare((share) =>
    withQemu(async (qemu, devices) => {
      for (let i = 0; i < 40; i++) {
        strictEqual(await devices.attach("s", share), "0000:01:01.0");
        strictEqual(await devices.attach("s", share), "0000:01:01.0");
        ok(await devices.has("s"));
        deepStrictEqual(qemu.devices.get("plug-share-s"), {
          id: "plug-share-s",
          driver: "vhost-user-fs-pci",
          chardev: "plug-share-s",
          tag: "second",
          "queue-size": 1024,
          bus: "hotplug",
          addr: "0x1",
        });
        await devices.detach("s");
        await devices.detach("s");
        deepStrictEqual([qemu.devices.size, qemu.backends.size], [0, 0]);
      }
    })
  ));

Deno.test("what an earlier process has left behind a device is in nobody's way", () =>
  withShare((share) =>
    withQemu(async (qemu, devices) => {
      qemu.backends.add("plug-share-s");
      await devices.attach("s", share);
      deepStrictEqual([...qemu.backends], ["plug-share-s"]);
    })
  ));

Deno.test("a device that QEMU refuses leaves nothing", () =>
  withShare((share) =>
    withQemu(async (qemu, devices) => {
      qemu.failNext = "device_add";
      await rejects(devices.attach("s", share), { code: "INTERNAL" });
      deepStrictEqual([qemu.devices.size, qemu.backends.size, await devices.has("s")], [0, 0, false]);
      strictEqual(await devices.attach("s", share), "0000:01:01.0");
    })
  ));

Deno.test("a device that the guest keeps stays where it is, and can be taken out later", () =>
  withShare((share) =>
    withQemu(async (qemu, devices) => {
      await devices.attach("s", share);
      qemu.obeys = false;
      await rejects(devices.detach("s"), { code: "FAILED_PRECONDITION" });
      ok(await devices.has("s"));
      // It has gone in the meantime; what stood behind it has not.
      qemu.devices.clear();
      qemu.obeys = true;
      await devices.detach("s");
      strictEqual(qemu.backends.size, 0);
    })
  ));

Deno.test("pmem needs room and does not leave", async () => {
  const hostPath = await Deno.makeTempFile();
  try {
    await Deno.truncate(hostPath, 2 << 20);
    const pmem: Device = { $case: "pmem", value: { hostPath, discardWrites: true } };
    await withQemu(async (qemu, devices) => {
      await rejects(devices.attach("big", pmem), (error: KuasarError) => {
        match(error.message, /pmem_hotplug_mb/);
        return error.code === "RESOURCE_EXHAUSTED";
      });
      strictEqual(qemu.backends.size, 0);
      await devices.attach("p", pmem);
      await rejects(devices.detach("p"), { code: "FAILED_PRECONDITION" });
    });
  } finally {
    await Deno.remove(hostPath);
  }
});

Deno.test("a VFIO device needs an IOMMU, and a NIC a MAC address", () =>
  withQemu(async (qemu, devices) => {
    const vfio: Device = { $case: "vfio", value: { pciAddress: "ffff:ff:1f.7" } };
    await rejects(devices.attach("v", vfio), { code: "NOT_FOUND" });
    const value = { tap: "t", netnsPath: "/n", mac: "x", mtu: 0, queues: 1, link: "" };
    await rejects(devices.attach("n", { $case: "nic", value }), { code: "INVALID_ARGUMENT" });
    deepStrictEqual([qemu.devices.size, qemu.backends.size], [0, 0]);
  }));

Deno.test("a device is known by its id again, whatever its kind", async () => {
  const names = ["image", "disk-a", nameOf("nic", "a"), nameOf("share", "nic-a"), nameOf("vfio", "b.c")];
  deepStrictEqual(findDevice(names, "a"), { kind: "nic", name: "plug-nic-a" });
  deepStrictEqual(findDevice(names, "nic-a"), { kind: "share", name: "plug-share-nic-a" });
  deepStrictEqual(findDevice(names, "b.c")?.kind, "vfio");
  deepStrictEqual(findDevice(names, "c"), undefined);
  await withQemu((_, __, qmp) => removeBackend(qmp, "nic", "plug-nic-unknown"));
});
