import type { ProcessRef } from "../../../lib/process/mod.ts";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { GuestEndpoint } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { ConsolePump } from "../console_pump.ts";
import { type SandboxPaths, sandboxPaths, type VmmSockets } from "../sandbox_paths.ts";
import type { SandboxExit } from "../sandbox_exit.ts";
import type { Control } from "./control.ts";

/** A process besides the VMM without which the VM is of no use: vhost-device-vsock. */
export interface HelperRecord {
  /** Of the program, for messages. */
  name: string;
  ref: ProcessRef;
}

/** What is kept of a VM across the driver's death: intent before effect. */
export interface MachineRecord {
  state: "STARTING" | "RUNNING" | "PAUSED" | "STOPPED";
  /** CID on the kernel's vsock; undefined with hybrid vsock. */
  cid?: number;
  /** What connections to the guest begin with; only where `cid` is, and not for guests of drivers that knew no secrets. */
  secret?: string;
  vmm?: ProcessRef;
  helpers?: HelperRecord[];
  /** The user as whom a helper runs; undefined for VMs of earlier drivers. */
  user?: number;
  /** What it sees of the host for what is plugged in, or about to be: paths, by what they are for. */
  revealed?: Readonly<Record<string, readonly string[]>>;
  exit?: SandboxExit;
  /** What was plugged in, or was about to be, by the caller's id; see {@link fingerprint} of devices.ts. */
  devices?: Readonly<Record<string, string>>;
}

/** One VM as its driver sees it while it runs. */
export class Machine<C extends Control = Control> {
  readonly id: string;
  readonly paths: SandboxPaths;
  record: MachineRecord;
  /** undefined before the VMM is reached, and where that of an adopted one does not answer. */
  control: C | undefined;
  console: ConsolePump | undefined;
  /** Folders of the cgroup in which its processes start. */
  cgroups: readonly string[] = [];
  /** With which its processes start; undefined for the driver's own. */
  oomScoreAdj: number | undefined;
  /** Trees that the VMM sees as long as it runs. Of no use once it has started. */
  trees: readonly string[] = [];
  /** True from the moment in which the VMM is known to be gone. */
  exiting = false;
  /** Aborted when a start under way is to be given up. */
  readonly abort = new AbortController();
  /** The start under way; settles with it, never rejects. */
  starting: Promise<void> = Promise.resolve();
  readonly #ended = Promise.withResolvers<SandboxExit>();

  constructor(driverDir: string, id: string, vmm: VmmSockets, record: MachineRecord) {
    this.id = id;
    this.paths = sandboxPaths(driverDir, id, vmm);
    this.record = record;
    if (record.exit) this.#ended.resolve(record.exit);
  }

  /** Settles when the VM has ended and its evidence is collected. */
  get ended(): Promise<SandboxExit> {
    return this.#ended.promise;
  }

  /** Says that the VM has ended; only the first time counts. */
  end(exit: SandboxExit): void {
    this.record = { ...this.record, state: "STOPPED", exit: this.record.exit ?? exit };
    this.#ended.resolve(exit);
  }

  /** Where the ports of the guest are reached. */
  get guest(): GuestEndpoint {
    const { cid, secret = "" } = this.record;
    return cid === undefined
      ? { kind: { $case: "hybridPath", value: this.paths.vsock }, secret }
      : { kind: { $case: "cid", value: cid }, secret };
  }

  /** The state as the contract names it. */
  get state(): SandboxState {
    return SandboxState[this.record.state];
  }

  /** Every process on the host that belongs to the VM and may be alive. */
  get processes(): ProcessRef[] {
    const { state, vmm, helpers = [] } = this.record;
    if (state === "STOPPED") return [];
    return [...(vmm ? [vmm] : []), ...helpers.map(({ ref }) => ref)];
  }
}
