import { KuasarError } from "../../lib/errors/mod.ts";
import { closeFd } from "../../lib/libc/mod.ts";
import type { Nic } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { openTap } from "../contract/tap.ts";
import { checkNic, checkPmem, checkShare, vfioPath } from "../contract/vm/device_rules.ts";
import type { Device, PluggedDevices } from "../contract/vm/devices.ts";
import type { AddedDevice, DeviceConfig, FsConfig, NetConfig, PmemConfig, VmInfo } from "./api_types.ts";
import { Bus, type BusApi, type EventSource } from "./bus.ts";
import { fsConfig, netConfig } from "./plan.ts";

/** Marks the ids of devices that were plugged in, among all of the VM. */
const PREFIX = "plug-";

/** The VMM's own name of the PCI function that stands around a virtio device. */
const VIRTIO_PCI = "_virtio-pci-";

type Added = Promise<AddedDevice | undefined>;

/** What plugging asks of the API. */
export interface DeviceApi extends BusApi {
  addNet(net: NetConfig, fds: readonly number[]): Added;
  addFs(fs: FsConfig): Added;
  addPmem(pmem: PmemConfig): Added;
  addDevice(device: DeviceConfig): Added;
}

/**
 * The NICs, shares, pmem files and VFIO devices that were plugged into one VM. Nothing is remembered here: the VMM's
 * configuration says what is there, and its device tree what is leaving.
 */
export class Devices implements PluggedDevices {
  readonly #api: DeviceApi;
  readonly #bus: Bus;
  readonly #netns: string;

  /** @param netns the network namespace of the VMM */
  constructor(api: DeviceApi, events: EventSource, netns: string, unplugTimeoutMs?: number) {
    this.#api = api;
    this.#netns = netns;
    this.#bus = new Bus(api, events, unplugTimeoutMs);
  }

  async attach(id: string, device: Device): Promise<string> {
    const name = PREFIX + id;
    const info = await this.#api.info();
    const state = stateOf(info, name);
    if (state === "here") return addressOf(info, name);
    if (state === "leaving") await this.#bus.remove(name, true);
    let added: AddedDevice | undefined;
    try {
      added = await this.#add(name, device, info);
    } catch (error) {
      throw await this.#bus.explain(`device ${id}`, error);
    }
    return added?.bdf ?? addressOf(await this.#api.info(), name);
  }

  async detach(id: string): Promise<void> {
    const name = PREFIX + id;
    const state = stateOf(await this.#api.info(), name);
    if (state !== undefined) await this.#bus.remove(name, state === "leaving");
  }

  async has(id: string): Promise<boolean> {
    return stateOf(await this.#api.info(), PREFIX + id) !== undefined;
  }

  async #add(id: string, device: Device, info: VmInfo): Added {
    switch (device.$case) {
      case "nic":
        return await this.#addNic(id, device.value, info);
      case "share":
        await checkShare(device.value);
        checkSharedMemory(info);
        return await this.#api.addFs(fsConfig(id, device.value));
      case "pmem": {
        const { hostPath, discardWrites } = device.value;
        await checkPmem(hostPath);
        return await this.#api.addPmem({ id, file: hostPath, discard_writes: discardWrites });
      }
      case "vfio":
        return await this.#api.addDevice({ id, path: await vfioPath(device.value.pciAddress) });
    }
  }

  async #addNic(id: string, nic: Nic, { config }: VmInfo): Added {
    checkNic(nic);
    // It asks the kernel about the tap by its name, so it must be where the tap is.
    await checkSameNetns(nic.netnsPath, this.#netns);
    const queues = Math.max(1, Math.min(nic.queues, config.cpus?.boot_vcpus ?? 1));
    const fds = openTap({ ...nic, queues });
    try {
      return await this.#api.addNet(netConfig(id, nic.mac, queues), fds);
    } finally {
      fds.forEach(closeFd);
    }
  }
}

async function checkSameNetns(wanted: string, ofVmm: string): Promise<void> {
  const [a, b] = await Promise.all([wanted, ofVmm].map((path) => Deno.stat(path).catch(() => undefined)));
  // One that is not there is told of where it is opened.
  if (!a || !b || (a.ino === b.ino && a.dev === b.dev)) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot plug in a NIC: its tap is in the network namespace ${wanted}, the VMM in another one; ` +
      "only a sandbox that has started with NICs is in its pod's",
  );
}

function stateOf({ config, device_tree }: VmInfo, id: string): "here" | "leaving" | undefined {
  const lists = [config.net, config.fs, config.pmem, config.devices];
  if (lists.some((list) => list?.some((device) => device.id === id))) return "here";
  // A removal takes a device out of the configuration at once.
  return Object.hasOwn(device_tree ?? {}, id) ? "leaving" : undefined;
}

function addressOf({ device_tree }: VmInfo, id: string): string {
  return device_tree?.[id]?.pci_bdf ?? device_tree?.[VIRTIO_PCI + id]?.pci_bdf ?? "";
}

/** A virtiofs daemon maps the guest's memory. @throws {KuasarError} FAILED_PRECONDITION */
function checkSharedMemory({ config }: VmInfo): void {
  if (config.memory?.shared !== false) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    "Cannot plug in a share: the VM's memory is private; only a sandbox that has started with a share can get more",
  );
}
