import type { QmpClient } from "../contract/qmp/client.ts";

/**
 * The commands of QEMU's monitor that this driver uses, with the exact shape of their arguments and answers
 * (QEMU 7.2 to 11, `qapi/*.json`). QEMU rejects an argument that it does not know.
 */
export interface QemuCommands {
  qmp_capabilities: { args: Record<never, never>; returns: unknown };
  "query-version": {
    args: Record<never, never>;
    returns: { qemu: { major: number; minor: number; micro: number }; package: string };
  };
  "query-status": { args: Record<never, never>; returns: { running: boolean; status: string } };
  "query-cpus-fast": {
    args: Record<never, never>;
    returns: { "cpu-index": number; "thread-id": number }[];
  };
  "query-named-block-nodes": { args: { flat?: boolean }; returns: { "node-name"?: string }[] };
  cont: { args: Record<never, never>; returns: unknown };
  stop: { args: Record<never, never>; returns: unknown };
  quit: { args: Record<never, never>; returns: unknown };
  "blockdev-add": { args: BlockNode; returns: unknown };
  "blockdev-del": { args: { "node-name": string }; returns: unknown };
  device_add: {
    args: { driver: string; id: string; bus: string } & Record<string, string | number | boolean>;
    returns: unknown;
  };
  device_del: { args: { id: string }; returns: unknown };
  "qom-list": { args: { path: string }; returns: { name: string; type: string }[] };
  "qom-get": { args: { path: string; property: string }; returns: unknown };
}

/** A raw disk: a format node on top of the node that opens the file. */
export interface BlockNode {
  "node-name": string;
  driver: "raw";
  "read-only": boolean;
  discard: "unmap" | "ignore";
  cache: { direct: boolean; "no-flush": boolean };
  file: { driver: "file" | "host_device"; filename: string; aio: "threads"; locking?: "off" };
}

/** The monitor of a QEMU process. */
export type QemuMonitor = QmpClient<QemuCommands>;
