import { KuasarError } from "../../lib/errors/mod.ts";
import { withDeadline } from "../contract/deadline.ts";
import type { VmInfo } from "./api_types.ts";
import type { VmmEvent } from "./event_stream.ts";

/** The guest has to look at its bus and let go of the device; a busy one needs a moment. */
const UNPLUG_TIMEOUT_MS = 10_000;

/** Devices on the bus of a VM; place 0 is the host bridge's. */
const PLACES = 31;

/** What the bus asks of the API. */
export interface BusApi {
  removeDevice(id: string): Promise<void>;
  info(): Promise<VmInfo>;
}

/** Where the ends of removals are told. */
export interface EventSource {
  onEvent(listener: (event: VmmEvent) => void): () => void;
}

/** The PCI bus of one VM: how a device leaves it, and whether it is full. */
export class Bus {
  readonly #api: BusApi;
  readonly #events: EventSource;
  readonly #unplugTimeoutMs: number;

  constructor(api: BusApi, events: EventSource, unplugTimeoutMs = UNPLUG_TIMEOUT_MS) {
    this.#api = api;
    this.#events = events;
    this.#unplugTimeoutMs = unplugTimeoutMs;
  }

  /**
   * Asks the guest to let go of a device and waits until it has.
   *
   * @param asked true where it was asked before
   * @param onAsked called when the VMM has taken the request: from then on the device is leaving
   * @throws {KuasarError} DEADLINE_EXCEEDED where the guest keeps it; may be repeated
   */
  async remove(id: string, asked: boolean, onAsked = () => {}): Promise<void> {
    const removed = Promise.withResolvers<void>();
    // Listened to before the guest is asked.
    const stop = this.#events.onEvent(({ event, properties }) => {
      if (event === "device-removed" && properties.id === id) removed.resolve();
    });
    try {
      await this.#ask(id, asked);
      onAsked();
      // An event of an earlier request may have been lost.
      if (!asked || !await this.isGone(id)) await this.#untilGone(id, removed.promise);
    } finally {
      stop();
    }
  }

  /** True where the VM no longer has the device. @throws {KuasarError} */
  async isGone(id: string): Promise<boolean> {
    const { device_tree } = await this.#api.info();
    return device_tree != null && !Object.hasOwn(device_tree, id);
  }

  /** What a refused device means: that the bus is full, or else what the VMM has said. */
  async explain(what: string, cause: unknown): Promise<unknown> {
    // Only what the VMM refuses can be a matter of places.
    if (!(cause instanceof KuasarError && cause.code === "INTERNAL")) return cause;
    try {
      const { device_tree } = await this.#api.info();
      const taken = Object.values(device_tree ?? {}).filter(({ pci_bdf }) => pci_bdf != null).length;
      if (taken < PLACES) return cause;
    } catch {
      return cause;
    }
    return new KuasarError(
      "RESOURCE_EXHAUSTED",
      `Cannot plug in ${what}: all ${PLACES} places on the bus are taken`,
      { cause },
    );
  }

  async #ask(id: string, asked: boolean): Promise<void> {
    try {
      await this.#api.removeDevice(id);
    } catch (error) {
      // v53 refuses to ask twice, and a device that is gone is unknown.
      if (asked || await this.isGone(id)) return;
      throw error;
    }
  }

  async #untilGone(id: string, removed: Promise<void>): Promise<void> {
    try {
      await withDeadline(removed, this.#unplugTimeoutMs, `take out ${id}: hear from the guest`);
    } catch (error) {
      // Events can be lost; what the VMM says of its devices counts.
      if (!await this.isGone(id)) throw error;
    }
  }
}
