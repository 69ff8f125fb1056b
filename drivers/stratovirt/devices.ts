import { KuasarError } from "../../lib/errors/mod.ts";
import { closeFd } from "../../lib/libc/mod.ts";
import type { Nic } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { openTap } from "../contract/tap.ts";
import { checkNic, vfioPath } from "../contract/vm/device_rules.ts";
import type { Device, PluggedDevices } from "../contract/vm/devices.ts";
import type { DiskTable } from "./disk_table.ts";
import { isGone, notBlinking, unplug } from "./hotplug.ts";
import type { StratoVirtMonitor, VfioDevice } from "./qmp_commands.ts";

/** Kinds that StratoVirt plugs in besides disks. */
export const PLUGGABLE = ["nic", "vfio"] as const;

type Kind = typeof PLUGGABLE[number];

/**
 * NICs and VFIO devices that were plugged into the root ports of one VM. Their places are kept beside those of the disks,
 * whose table the next driver process reads: StratoVirt cannot be asked.
 */
export class StratoVirtDevices implements PluggedDevices {
  readonly #qmp: StratoVirtMonitor;
  readonly #places: DiskTable;

  constructor(qmp: StratoVirtMonitor, places: DiskTable) {
    this.#qmp = qmp;
    this.#places = places;
  }

  async attach(id: string, device: Device): Promise<string> {
    const kind = kindOf(device);
    const name = nameOf(kind, id);
    const key = keyOf(kind, id);
    // Where the guest finds it, StratoVirt does not tell.
    if (this.#places.has(key)) return "";
    if (this.#places.slotOf(key)) await this.detach(id);
    const add = device.$case === "nic"
      ? await this.#prepareNic(name, device.value)
      : await this.#prepareVfio(device as Device & { $case: "vfio" });
    const { bus, addr } = this.#places.take(key);
    try {
      await add.make();
      try {
        await notBlinking(() =>
          this.#qmp.execute("device_add", { id: name, bus: bus! + add.behindBus, addr, ...add.device })
        );
      } catch (error) {
        await this.#removeBackend(kind, name).catch(() => {});
        throw error;
      }
    } catch (error) {
      // An answer that came too late may have been a yes.
      if (error instanceof KuasarError && error.code === "DEADLINE_EXCEEDED") this.#places.lose(key);
      else this.#places.free(key);
      throw error;
    }
    return "";
  }

  async detach(id: string): Promise<void> {
    const kind = this.#kindOf(id);
    if (kind === undefined) return;
    const name = nameOf(kind, id);
    const key = keyOf(kind, id);
    try {
      await unplug(this.#qmp, name, `device ${id}`);
    } catch (error) {
      this.#places.lose(key);
      throw error;
    }
    await this.#removeBackend(kind, name);
    this.#places.free(key);
  }

  has(id: string): Promise<boolean> {
    return Promise.resolve(this.#kindOf(id) !== undefined);
  }

  #kindOf(id: string): Kind | undefined {
    return PLUGGABLE.find((kind) => this.#places.slotOf(keyOf(kind, id)) !== undefined);
  }

  async #prepareNic(name: string, nic: Nic) {
    checkNic(nic);
    const queues = Math.max(1, nic.queues);
    const make = async () => {
      const fds = openTap({ ...nic, queues });
      try {
        const names = fds.map((_, index) => `${name}.${index}`);
        for (const [index, fdname] of names.entries()) {
          await this.#qmp.execute("getfd", { fdname }, undefined, [fds[index]!]);
        }
        const taps = queues > 1 ? { fds: names.join(":") } : { fd: names[0]! };
        await this.#qmp.execute("netdev_add", { id: name, type: "tap", ...taps });
      } finally {
        fds.forEach(closeFd);
      }
    };
    const several = queues > 1 ? { mq: "on", vectors: String(2 * queues + 2) } : {};
    const device = {
      driver: "virtio-net-pci" as const,
      netdev: name,
      mac: nic.mac.toLowerCase(),
      ...several,
    };
    return await Promise.resolve({ make, device, behindBus: "" });
  }

  async #prepareVfio({ value: { pciAddress: host } }: Device & { $case: "vfio" }) {
    await vfioPath(host);
    const { package: version } = await this.#qmp.execute("query-version", {});
    return { make: async () => {}, ...vfioProperties(host, version) };
  }

  async #removeBackend(kind: Kind, name: string): Promise<void> {
    if (kind !== "nic") return;
    try {
      await this.#qmp.execute("netdev_del", { id: name });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/**
 * How a device of the host is named. From 2.4 on StratoVirt makes an option string of what it is told, in which it writes
 * `host` as a second `addr` and then refuses that; but what is told as the bus goes into it as it is.
 *
 * @param host its PCI address, checked
 * @param version as the monitor tells it, `StratoVirt-2.5.0`
 */
export function vfioProperties(
  host: string,
  version: string,
): { device: Pick<VfioDevice, "driver" | "host">; behindBus: string } {
  const [, major, minor] = /-(\d+)\.(\d+)/.exec(version) ?? [];
  const takesHost = Number(major) === 2 && Number(minor) < 4;
  return takesHost
    ? { device: { driver: "vfio-pci", host }, behindBus: "" }
    : { device: { driver: "vfio-pci" }, behindBus: `,host=${host}` };
}

/** The kind of a device that has passed the check of capabilities. */
function kindOf({ $case }: Device): Kind {
  const kind = PLUGGABLE.find((one) => one === $case);
  if (kind) return kind;
  throw new KuasarError("UNIMPLEMENTED", `Cannot plug in a device: StratoVirt plugs in no ${$case}`);
}

function nameOf(kind: Kind, id: string): string {
  return `plug-${kind}-${id}`;
}

/** Disks stand under their serials, which have no colon. */
function keyOf(kind: Kind, id: string): string {
  return `:${nameOf(kind, id)}`;
}
