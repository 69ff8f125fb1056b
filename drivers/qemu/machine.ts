import type { ProcessRef } from "../../lib/process/mod.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { SandboxState } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { ConsolePump } from "../contract/console_pump.ts";
import { type SandboxPaths, sandboxPaths } from "../contract/sandbox_paths.ts";
import { type HotplugPlan, hotplugSlots } from "./launch_plan.ts";
import type { QmpClient } from "./qmp.ts";
import { SlotTable } from "./slots.ts";

/** How a VM ended. */
export interface Exit {
  /** Exit code of QEMU, 128 + signal where one ended it, 255 where it cannot be known. */
  status: number;
  /** ms since 1970. */
  atMs: number;
  evidence: string[];
}

/** What is kept of a VM across the driver's death: intent before effect. */
export interface MachineRecord {
  state: "STARTING" | "RUNNING" | "PAUSED" | "STOPPED";
  hotplug: HotplugPlan;
  /** CID on the kernel's vsock; undefined with hybrid vsock. */
  cid?: number;
  vmm?: ProcessRef;
  /** vhost-device-vsock. */
  helper?: ProcessRef;
  exit?: Exit;
}

/** One VM as the driver sees it while it runs. */
export class Machine {
  readonly id: string;
  readonly paths: SandboxPaths;
  record: MachineRecord;
  qmp: QmpClient | undefined;
  console: ConsolePump | undefined;
  readonly slots: SlotTable;
  /** Why QEMU said that it shuts down (`guest-shutdown`, `guest-reset`, `host-qmp-quit`); undefined before. */
  shutdownReason: string | undefined;
  /** True from the moment in which QEMU is known to be gone. */
  exiting = false;
  /** Aborted when a start under way is to be given up. */
  readonly abort = new AbortController();
  /** The start under way; settles with it, never rejects. */
  starting: Promise<void> = Promise.resolve();
  readonly #ended = Promise.withResolvers<Exit>();

  constructor(driverDir: string, id: string, record: MachineRecord) {
    this.id = id;
    this.paths = sandboxPaths(driverDir, id, "qmp.sock");
    this.record = record;
    this.slots = new SlotTable(hotplugSlots(record.hotplug));
    if (record.exit) this.#ended.resolve(record.exit);
  }

  /** Settles when the VM has ended and its evidence is collected. */
  get ended(): Promise<Exit> {
    return this.#ended.promise;
  }

  /** Says that the VM has ended; only the first time counts. */
  end(exit: Exit): void {
    this.record = { ...this.record, state: "STOPPED", exit: this.record.exit ?? exit };
    this.#ended.resolve(exit);
  }

  /** Takes a monitor into use. */
  useMonitor(client: QmpClient): void {
    this.qmp = client;
    client.onEvent(({ event, data }) => {
      if (event === "SHUTDOWN") this.shutdownReason = String(data.reason ?? "unknown");
    });
  }

  /** Where the ports of the guest are reached. */
  get guest(): GuestEndpoint {
    return this.record.cid === undefined
      ? { kind: { $case: "hybridPath", value: this.paths.vsock } }
      : { kind: { $case: "cid", value: this.record.cid } };
  }

  /** The state as the contract names it. */
  get state(): SandboxState {
    return SandboxState[this.record.state];
  }

  /** Every process on the host that belongs to the VM and may be alive. */
  get processes(): ProcessRef[] {
    if (this.record.state === "STOPPED") return [];
    return [this.record.vmm, this.record.helper].filter((ref) => ref !== undefined);
  }
}
