import type { QmpClient } from "../../../drivers/contract/qmp/client.ts";
import type { QemuCommands } from "../../../drivers/qemu/qmp_commands.ts";

type Nothing = Record<never, never>;

/** What the stand-in asks of QEMU besides what the QEMU driver does. */
export interface StandInCommands extends QemuCommands {
  "query-hotpluggable-cpus": {
    args: Nothing;
    returns: { type: string; "qom-path"?: string; props: Record<string, number> }[];
  };
  "query-blockstats": {
    args: Nothing;
    returns: {
      "node-name"?: string;
      qdev?: string;
      stats: { rd_bytes: number; wr_bytes: number; rd_operations: number; wr_operations: number };
    }[];
  };
  "qom-set": { args: { path: string; property: string; value: string }; returns: unknown };
  block_resize: { args: { "node-name": string; size: number }; returns: unknown };
  balloon: { args: { value: number }; returns: unknown };
  "query-balloon": { args: Nothing; returns: { actual: number } };
  system_powerdown: { args: Nothing; returns: unknown };
  migrate: { args: { uri: string }; returns: unknown };
  "migrate-incoming": { args: { uri: string }; returns: unknown };
  "x-query-virtio-status": { args: { path: string }; returns: { status: { statuses: string[] } } };
  "query-migrate": { args: Nothing; returns: { status?: string; "error-desc"?: string } };
}

/** The monitor of the QEMU underneath. */
export type StandInMonitor = QmpClient<StandInCommands>;
