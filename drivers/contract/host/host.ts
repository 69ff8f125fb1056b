import type { Logger } from "../../../lib/log/mod.ts";
import type { ExitWatcher } from "../../../lib/process/mod.ts";
import type { Table } from "../../../lib/store/mod.ts";
import type { SandboxKind } from "./kind.ts";
import type { SandboxRecord } from "./record.ts";

/** What every step of a driver of this kind works with. */
export interface SandboxHost {
  kind: SandboxKind;
  /** Directory of the driver's state and sandboxes: `<run-dir>/driver-runc`. */
  driverDir: string;
  records: Table<SandboxRecord>;
  log: Logger;
  watcher: ExitWatcher;
}
