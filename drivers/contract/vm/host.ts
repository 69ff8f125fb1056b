import type { Logger, LogKeeper } from "../../../lib/log/mod.ts";
import type { ExitWatcher } from "../../../lib/process/mod.ts";
import type { Table } from "../../../lib/store/mod.ts";
import type { EmptyNetns } from "../empty_netns.ts";
import type { KernelVsockReadiness } from "../readiness.ts";
import type { Control } from "./control.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { MachineRecord } from "./machine.ts";
import type { ProgramFiles } from "./program_files.ts";

/** What every step of a VM driver works with. */
export interface VmHost<C extends Control = Control> {
  hypervisor: Hypervisor<C>;
  /** Directory of the driver's state and sandboxes: `<run-dir>/driver-qemu`. */
  driverDir: string;
  records: Table<MachineRecord>;
  log: Logger;
  /** Keeps what VMMs and helpers write about themselves from growing. */
  logKeeper: LogKeeper;
  /** Where VMMs and their helpers run: they need no network of their own. */
  netns: EmptyNetns;
  watcher: ExitWatcher;
  /** What programs need to start. */
  programs: ProgramFiles;
  kernelReadiness: KernelVsockReadiness;
}
