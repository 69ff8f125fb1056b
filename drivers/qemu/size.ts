import type { Resizable, VmSize } from "../contract/vm/resize.ts";
import type { QemuMonitor } from "./qmp_commands.ts";

const MIB = 1024 * 1024;

/** What a VM was started with room for. */
export interface Room {
  /** Memory that can be plugged in beside what it has started with. */
  memoryMib: number;
}

/** The size of one VM. */
export class QemuSize implements Resizable {
  readonly #monitor: QemuMonitor;
  readonly #room: Room;
  /** What the balloon was asked to take; QEMU tells only what it has taken so far. */
  #balloonMib: number | undefined;

  constructor(monitor: QemuMonitor, room: Room) {
    this.#monitor = monitor;
    this.#room = room;
  }

  async size(): Promise<VmSize> {
    const places = await this.#monitor.execute("query-hotpluggable-cpus", {});
    const { base, plugged } = await this.#memory();
    const total = base + plugged;
    if (this.#balloonMib === undefined) {
      const { actual } = await this.#monitor.execute("query-balloon", {});
      this.#balloonMib = Math.max(0, Math.round((total - actual) / MIB));
    }
    return {
      vcpus: places.filter((place) => place["qom-path"] !== undefined).length,
      maxVcpus: places.length,
      memoryMib: total / MIB,
      maxMemoryMib: base / MIB + Math.max(this.#room.memoryMib, plugged / MIB),
      balloonMib: this.#balloonMib,
    };
  }

  async plugVcpus(total: number): Promise<void> {
    const places = await this.#monitor.execute("query-hotpluggable-cpus", {});
    const free = places.filter((place) => place["qom-path"] === undefined);
    // QEMU lists the highest first.
    const missing = total - (places.length - free.length);
    for (const { type, props } of free.reverse().slice(0, missing)) {
      const id = `vcpu-${Object.values(props).join("-")}`;
      await this.#monitor.execute("device_add", { driver: type, id, ...props });
    }
  }

  async plugMemory(totalMib: number): Promise<void> {
    const { base, plugged } = await this.#memory();
    const now = (base + plugged) / MIB;
    const id = `dimm-${now}`;
    await this.#monitor.execute("object-add", {
      "qom-type": "memory-backend-memfd",
      id: `${id}-memory`,
      size: (totalMib - now) * MIB,
      // As all of the guest's memory: vhost-user daemons map it.
      share: true,
    });
    try {
      await this.#monitor.execute("device_add", { driver: "pc-dimm", id, memdev: `${id}-memory` });
    } catch (error) {
      await this.#monitor.execute("object-del", { id: `${id}-memory` }).catch(() => {});
      throw error;
    }
  }

  /** QEMU is told what is left to the guest. */
  async setBalloon(mib: number): Promise<void> {
    const { base, plugged } = await this.#memory();
    await this.#monitor.execute("balloon", { value: base + plugged - mib * MIB });
    this.#balloonMib = mib;
  }

  /** In bytes. QEMU's summary counts pmem as plugged in, which is no memory of the guest. */
  async #memory(): Promise<{ base: number; plugged: number }> {
    const summary = await this.#monitor.execute("query-memory-size-summary", {});
    const devices = await this.#monitor.execute("query-memory-devices", {});
    const dimms = devices.filter(({ type }) => type === "dimm");
    const plugged = dimms.reduce((sum, { data }) => sum + (data.size ?? 0), 0);
    return { base: summary["base-memory"], plugged };
  }
}
