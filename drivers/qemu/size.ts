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
    const memory = await this.#monitor.execute("query-memory-size-summary", {});
    const plugged = memory["plugged-memory"] ?? 0;
    const total = memory["base-memory"] + plugged;
    if (this.#balloonMib === undefined) {
      const { actual } = await this.#monitor.execute("query-balloon", {});
      this.#balloonMib = Math.max(0, Math.round((total - actual) / MIB));
    }
    return {
      vcpus: places.filter((place) => place["qom-path"] !== undefined).length,
      maxVcpus: places.length,
      memoryMib: total / MIB,
      maxMemoryMib: memory["base-memory"] / MIB + Math.max(this.#room.memoryMib, plugged / MIB),
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
    const memory = await this.#monitor.execute("query-memory-size-summary", {});
    const now = (memory["base-memory"] + (memory["plugged-memory"] ?? 0)) / MIB;
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
    const memory = await this.#monitor.execute("query-memory-size-summary", {});
    const total = memory["base-memory"] + (memory["plugged-memory"] ?? 0);
    await this.#monitor.execute("balloon", { value: total - mib * MIB });
    this.#balloonMib = mib;
  }
}
