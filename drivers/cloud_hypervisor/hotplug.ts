import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { blockFileKind, checkSerial } from "../contract/vm/block_file.ts";
import type { AddedDevice, DiskConfig, VmInfo } from "./api_types.ts";
import { Bus, type BusApi, type EventSource } from "./bus.ts";
import { diskConfig } from "./plan.ts";
import type { Version } from "./version.ts";

/** Marks the ids of plugged disks among all devices of the VM. */
const PREFIX = "disk-";

/** The serial of a plugged disk by its device's id; undefined for another device. */
export function serialOf(id: string): string | undefined {
  return id.startsWith(PREFIX) ? id.slice(PREFIX.length) : undefined;
}

/** What plugging asks of the API. */
export interface DiskApi extends BusApi {
  addDisk(disk: DiskConfig): Promise<AddedDevice | undefined>;
}

/**
 * The disks that are plugged into one VM. A removal is over when the guest has let go of the disk; until then the
 * disk counts as leaving and its place is taken.
 */
export class Disks {
  readonly #api: DiskApi;
  readonly #bus: Bus;
  readonly #version: Version;
  readonly #disks = new Map<string, "here" | "leaving">();

  constructor(api: DiskApi, events: EventSource, version: Version, unplugTimeoutMs?: number) {
    this.#api = api;
    this.#bus = new Bus(api, events, unplugTimeoutMs);
    this.#version = version;
  }

  /** Takes over what an earlier driver process has plugged in. */
  adopt({ config, device_tree }: VmInfo): void {
    const configured = new Set((config.disks ?? []).map(({ id }) => id));
    for (const id of new Set([...configured, ...Object.keys(device_tree ?? {})])) {
      if (!id?.startsWith(PREFIX)) continue;
      // A removal takes a disk out of the configuration at once.
      this.#disks.set(id.slice(PREFIX.length), configured.has(id) ? "here" : "leaving");
    }
  }

  /** Plugs a disk in, see {@link Control.attachBlock}. */
  async attach({ serial, hostPath, readOnly }: BlockDevice): Promise<void> {
    checkSerial(serial);
    if (this.#disks.get(serial) === "here") return;
    await blockFileKind(hostPath);
    if (this.#disks.has(serial)) await this.detach(serial);
    try {
      await this.#api.addDisk(diskConfig(PREFIX + serial, hostPath, readOnly, serial, this.#version));
    } catch (error) {
      throw await this.#bus.explain(`disk ${serial}`, error);
    }
    this.#disks.set(serial, "here");
  }

  /** Takes a disk out, see {@link Control.detachBlock}. */
  async detach(serial: string): Promise<void> {
    checkSerial(serial);
    const state = this.#disks.get(serial);
    if (state === undefined) return;
    await this.#bus.remove(PREFIX + serial, state === "leaving", () => this.#disks.set(serial, "leaving"));
    this.#disks.delete(serial);
  }
}
