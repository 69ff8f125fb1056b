import type { Logger } from "../../lib/log/mod.ts";
import type { ExitWatcher } from "../../lib/process/mod.ts";
import type { Table } from "../../lib/store/mod.ts";
import type { EmptyNetns } from "../contract/empty_netns.ts";
import type { KernelVsockReadiness } from "../contract/readiness.ts";
import type { AccelChoice } from "./accel.ts";
import type { QemuConfig } from "./config.ts";
import type { MachineRecord } from "./machine.ts";

/** What every step of this driver works with. */
export interface Host {
  config: QemuConfig;
  accel: AccelChoice;
  /** `<run-dir>/driver-qemu` */
  driverDir: string;
  records: Table<MachineRecord>;
  log: Logger;
  /** Where VMMs and their helpers run: they need no network of their own. */
  netns: EmptyNetns;
  watcher: ExitWatcher;
  kernelReadiness: KernelVsockReadiness;
  /** True where `/dev/vhost-vsock` is there. */
  kernelVsock: boolean;
}
