import { KuasarError } from "../../lib/errors/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { withDeadline } from "../contract/deadline.ts";
import { blockFileKind, checkSerial } from "../contract/vm/block_file.ts";
import type { AddedDevice, DiskConfig, VmInfo } from "./api_types.ts";
import type { VmmEvent } from "./event_stream.ts";
import { diskConfig } from "./plan.ts";
import type { Version } from "./version.ts";

/** The guest has to look at its bus and let go of the disk; a busy one needs a moment. */
const UNPLUG_TIMEOUT_MS = 10_000;

/** Devices on the bus of a VM; place 0 is the host bridge's. */
const PLACES = 31;

/** Marks the ids of plugged disks among all devices of the VM. */
const PREFIX = "disk-";

/** The serial of a plugged disk by its device's id; undefined for another device. */
export function serialOf(id: string): string | undefined {
  return id.startsWith(PREFIX) ? id.slice(PREFIX.length) : undefined;
}

/** What plugging asks of the API. */
export interface DiskApi {
  addDisk(disk: DiskConfig): Promise<AddedDevice | undefined>;
  removeDevice(id: string): Promise<void>;
  info(): Promise<VmInfo>;
}

/** Where the ends of removals are told. */
export interface EventSource {
  onEvent(listener: (event: VmmEvent) => void): () => void;
}

/**
 * The disks that are plugged into one VM. A removal is over when the guest has let go of the disk; until then the
 * disk counts as leaving and its place is taken.
 */
export class Disks {
  readonly #api: DiskApi;
  readonly #events: EventSource;
  readonly #version: Version;
  readonly #unplugTimeoutMs: number;
  readonly #disks = new Map<string, "here" | "leaving">();

  constructor(api: DiskApi, events: EventSource, version: Version, unplugTimeoutMs = UNPLUG_TIMEOUT_MS) {
    this.#api = api;
    this.#events = events;
    this.#version = version;
    this.#unplugTimeoutMs = unplugTimeoutMs;
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
      throw await this.#busIsFull() ? full(serial, error) : error;
    }
    this.#disks.set(serial, "here");
  }

  /** Takes a disk out, see {@link Control.detachBlock}. */
  async detach(serial: string): Promise<void> {
    checkSerial(serial);
    const state = this.#disks.get(serial);
    if (state === undefined) return;
    const id = PREFIX + serial;
    const removed = Promise.withResolvers<void>();
    // Listened to before the guest is asked.
    const stop = this.#events.onEvent(({ event, properties }) => {
      if (event === "device-removed" && properties.id === id) removed.resolve();
    });
    try {
      await this.#ask(id, state);
      this.#disks.set(serial, "leaving");
      // An event of an earlier request may have been lost.
      if (state === "here" || !await this.#isGone(id)) await this.#untilGone(id, removed.promise);
      this.#disks.delete(serial);
    } finally {
      stop();
    }
  }

  async #ask(id: string, state: "here" | "leaving"): Promise<void> {
    try {
      await this.#api.removeDevice(id);
    } catch (error) {
      // Asked before: v53 refuses to ask twice, and a disk that is gone is unknown.
      if (state === "leaving" || await this.#isGone(id)) return;
      throw error;
    }
  }

  async #untilGone(id: string, removed: Promise<void>): Promise<void> {
    try {
      await withDeadline(removed, this.#unplugTimeoutMs, `take out ${id}: hear from the guest`);
    } catch (error) {
      // Events can be lost; what the VMM says of its devices counts.
      if (!await this.#isGone(id)) throw error;
    }
  }

  async #isGone(id: string): Promise<boolean> {
    const { device_tree } = await this.#api.info();
    return device_tree != null && !Object.hasOwn(device_tree, id);
  }

  async #busIsFull(): Promise<boolean> {
    try {
      const { device_tree } = await this.#api.info();
      return Object.values(device_tree ?? {}).filter(({ pci_bdf }) => pci_bdf != null).length >= PLACES;
    } catch {
      return false;
    }
  }
}

function full(serial: string, cause: unknown): KuasarError {
  return new KuasarError(
    "RESOURCE_EXHAUSTED",
    `Cannot plug in disk ${serial}: all ${PLACES} places on the bus are taken`,
    { cause },
  );
}
