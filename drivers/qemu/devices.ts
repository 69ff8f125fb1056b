import { KuasarError } from "../../lib/errors/mod.ts";
import type { Device, PluggedDevices } from "../contract/vm/devices.ts";
import type { SlotTable } from "../contract/vm/slots.ts";
import { findDevice, nameOf, placeKey, type PluggedDevice } from "./device_ids.ts";
import { type DeviceParts, partsOf, removeBackend } from "./device_parts.ts";
import { PERIPHERALS } from "./hotplug.ts";
import type { Places } from "./places.ts";
import type { PciDevice, QemuMonitor } from "./qmp_commands.ts";
import { unplug } from "./unplug.ts";

/** NICs, shares, pmem files and VFIO devices that were plugged into one VM. */
export class QemuDevices implements PluggedDevices {
  readonly #qmp: QemuMonitor;
  readonly #places: Places;

  constructor(qmp: QemuMonitor, places: Places) {
    this.#qmp = qmp;
    this.#places = places;
  }

  async attach(id: string, device: Device): Promise<string> {
    const name = nameOf(device.$case, id);
    const key = placeKey(name)!;
    const known = this.#places.of(key);
    if (known?.has(key)) return await this.#addressOf(name);
    if (known) await this.detach(id);
    const parts = await partsOf(this.#qmp, name, device);
    const slots = this.#slotsFor(device.$case);
    const slot = slots.take(key);
    try {
      await this.#make(device.$case, name, parts);
      try {
        await this.#qmp.execute("device_add", { id: name, ...parts.device, ...slot });
      } catch (error) {
        if (await this.has(id).catch(() => true)) throw error;
        await removeBackend(this.#qmp, device.$case, name).catch(() => {});
        throw explain(device.$case, id, error);
      }
    } catch (error) {
      // An answer that came too late may have been a yes.
      if (await this.has(id).catch(() => true)) slots.lose(key);
      else slots.free(key);
      throw error;
    }
    return await this.#addressOf(name);
  }

  async detach(id: string): Promise<void> {
    const found = await this.#find(id) ?? this.#leftOver(id);
    if (!found) return;
    const { kind, name } = found;
    const key = placeKey(name)!;
    if (kind === "pmem") {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot take out device ${id}: QEMU takes no pmem out of a running VM; it goes with the sandbox`,
      );
    }
    const slots = this.#places.of(key);
    try {
      await unplug(this.#qmp, name, `device ${id}`);
    } catch (error) {
      slots?.lose(key);
      throw error;
    }
    await removeBackend(this.#qmp, kind, name);
    slots?.free(key);
  }

  async has(id: string): Promise<boolean> {
    return await this.#find(id) !== undefined;
  }

  async #find(id: string): Promise<PluggedDevice | undefined> {
    const names = await this.#qmp.execute("qom-list", { path: PERIPHERALS });
    return findDevice(names.map(({ name }) => name), id);
  }

  /** A device that went after an earlier deadline, of which only what stood behind it is left. */
  #leftOver(id: string): PluggedDevice | undefined {
    const kinds = ["nic", "share", "vfio"] as const;
    return kinds.map((kind) => ({ kind, name: nameOf(kind, id) }))
      .find(({ name }) => this.#places.of(placeKey(name)!) !== undefined);
  }

  #slotsFor(kind: Device["$case"]): SlotTable {
    if (kind !== "vfio") return this.#places.small;
    if (this.#places.ports.size > 0) return this.#places.ports;
    throw new KuasarError(
      "FAILED_PRECONDITION",
      "Cannot plug in a VFIO device: the VM has no PCIe root port; set pcie_root_ports in the driver's configuration",
    );
  }

  /** Makes what stands behind a device, also where an earlier driver process has left it. */
  async #make(kind: Device["$case"], name: string, { make }: DeviceParts): Promise<void> {
    try {
      await make();
    } catch (error) {
      if (!/duplicate/i.test((error as Error).message)) throw error;
      await removeBackend(this.#qmp, kind, name);
      await make();
    }
  }

  async #addressOf(name: string): Promise<string> {
    const find = (devices: readonly PciDevice[]): string | undefined => {
      for (const { qdev_id, bus, slot, function: fn, pci_bridge } of devices) {
        if (qdev_id === name) return `0000:${hex(bus)}:${hex(slot)}.${fn}`;
        const below = find(pci_bridge?.devices ?? []);
        if (below !== undefined) return below;
      }
      return undefined;
    };
    const buses = await this.#qmp.execute("query-pci", {});
    return find(buses.flatMap(({ devices }) => devices)) ?? "";
  }
}

/** What QEMU's refusal means. */
function explain(kind: Device["$case"], id: string, cause: unknown): unknown {
  const message = (cause as Error).message;
  if (kind === "pmem" && /memory devices|maxmem|not enough space/i.test(message)) {
    return new KuasarError(
      "RESOURCE_EXHAUSTED",
      `Cannot plug in device ${id}: the VM has no room for it; set pmem_hotplug_mb in the driver's configuration`,
      { cause },
    );
  }
  return cause;
}

function hex(value: number): string {
  return value.toString(16).padStart(2, "0");
}
