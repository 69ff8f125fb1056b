import { KuasarError } from "../../lib/errors/mod.ts";
import type { ProcessRef } from "../../lib/process/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { Control, Counters, LastWords } from "../contract/vm/control.ts";
import type { CloudHypervisorApi } from "./api.ts";
import type { VmCounters } from "./api_types.ts";
import { Devices } from "./devices.ts";
import type { EventPipe } from "./event_pipe.ts";
import type { VmmEvent } from "./event_stream.ts";
import { Disks, serialOf } from "./hotplug.ts";
import { CloudHypervisorSize } from "./size.ts";
import type { Version } from "./version.ts";

/** The VMM answers, and exits, as soon as its one API thread is free. */
const QUIT_TIMEOUT_MS = 1_000;

/** The API and the events of a running Cloud Hypervisor. */
export class CloudHypervisorControl implements Control {
  readonly #api: CloudHypervisorApi;
  readonly #events: EventPipe;
  readonly #disks: Disks;
  readonly devices: Devices;
  readonly resizable: CloudHypervisorSize;
  #lastWords: LastWords | undefined;
  #quitting = false;

  /**
   * Takes both over.
   *
   * @param vmm as the host knows it: its own number of itself is one of its own PID namespace
   */
  constructor(api: CloudHypervisorApi, events: EventPipe, version: Version, vmm: ProcessRef) {
    this.#api = api;
    this.#events = events;
    this.#disks = new Disks(api, events, version);
    this.devices = new Devices(api, events, `/proc/${vmm.pid}/ns/net`);
    this.resizable = new CloudHypervisorSize(api);
    events.onEvent((event) => this.#hear(event));
  }

  /**
   * Reads from a VMM that an earlier driver process has started what its VM does and has.
   *
   * @throws {KuasarError}
   */
  async adopt(timeoutMs: number): Promise<"RUNNING" | "PAUSED"> {
    const info = await this.#api.info(timeoutMs);
    this.#disks.adopt(info);
    return info.state === "Paused" ? "PAUSED" : "RUNNING";
  }

  get closed(): Promise<void> {
    return this.#events.ended;
  }

  get lastWords(): LastWords | undefined {
    return this.#lastWords;
  }

  async probe(timeoutMs: number): Promise<void> {
    await this.#api.info(timeoutMs);
  }

  async pause(): Promise<void> {
    // Refused where the vCPUs stand already.
    if ((await this.#api.info()).state !== "Paused") await this.#api.pause();
  }

  async resume(): Promise<void> {
    if ((await this.#api.info()).state !== "Running") await this.#api.resume();
  }

  async quit(): Promise<void> {
    this.#quitting = true;
    await this.#api.shutdownVmm(QUIT_TIMEOUT_MS);
  }

  async counters(): Promise<Counters> {
    const [devices, { memory_actual_size }] = [await this.#api.counters(), await this.#api.info()];
    return { memoryBytes: memory_actual_size ?? 0, disks: diskCounters(devices) };
  }

  async snapshot(directory: string): Promise<void> {
    const { config } = await this.#api.info();
    if (config.fs?.length) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        "Cannot write the VM: it has a shared directory, whose files the guest holds open; give it disks instead",
      );
    }
    await this.#api.snapshot(directory);
  }

  attachBlock(device: BlockDevice): Promise<void> {
    return this.#disks.attach(device);
  }

  detachBlock(serial: string): Promise<void> {
    return this.#disks.detach(serial);
  }

  close(): void {
    this.#api.close();
    this.#events.close();
  }

  #hear({ source, event }: VmmEvent): void {
    const what = `${source}/${event}`;
    if (what === "vm/shutdown" && !this.#quitting) {
      this.#lastWords ??= { reason: "guest-shutdown", crashed: false };
    }
    if (what === "guest/panic") this.#lastWords ??= { reason: "guest-panic", crashed: true };
    // The VMM would build the VM again in the same process. A guest of ours resets itself when it has panicked, and
    // virtiofsd serves one connection only: this is the end.
    if (what === "vm/rebooting" && !this.#quitting) {
      this.#lastWords ??= { reason: "guest-reset", crashed: true };
      this.quit().catch(() => {});
    }
  }
}

/** The counters of the disks that were plugged in, among those of all devices. */
function diskCounters(devices: VmCounters): Counters["disks"] {
  return Object.entries(devices).flatMap(([id, values]) => {
    const serial = serialOf(id);
    if (serial === undefined) return [];
    const value = (name: string) => values[name] ?? 0;
    return [{
      serial,
      readBytes: value("read_bytes"),
      readOps: value("read_ops"),
      writeBytes: value("write_bytes"),
      writeOps: value("write_ops"),
    }];
  });
}
