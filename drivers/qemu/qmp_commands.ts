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
    args: { driver: string; id: string; bus?: string } & Record<string, string | number | boolean>;
    returns: unknown;
  };
  device_del: { args: { id: string }; returns: unknown };
  "object-add": {
    args:
      & { id: string; size: number; share: boolean }
      & ({ "qom-type": "memory-backend-memfd" } | { "qom-type": "memory-backend-file"; "mem-path": string });
    returns: unknown;
  };
  getfd: { args: { fdname: string }; returns: unknown };
  closefd: { args: { fdname: string }; returns: unknown };
  netdev_add: { args: { type: "tap"; id: string; fd?: string; fds?: string }; returns: unknown };
  netdev_del: { args: { id: string }; returns: unknown };
  "chardev-add": {
    args: {
      id: string;
      backend: {
        type: "socket";
        data: { addr: { type: "unix"; data: { path: string } }; server: false };
      };
    };
    returns: unknown;
  };
  "chardev-remove": { args: { id: string }; returns: unknown };
  "query-pci": { args: Record<never, never>; returns: { bus: number; devices: PciDevice[] }[] };
  "query-memory-devices": {
    args: Record<never, never>;
    returns: { type: string; data: { size?: number } }[];
  };
  "object-del": { args: { id: string }; returns: unknown };
  "query-hotpluggable-cpus": {
    args: Record<never, never>;
    returns: HotpluggableCpu[];
  };
  "query-memory-size-summary": {
    args: Record<never, never>;
    returns: { "base-memory": number; "plugged-memory"?: number };
  };
  balloon: { args: { value: number }; returns: unknown };
  "query-balloon": { args: Record<never, never>; returns: { actual: number } };
  "query-blockstats": {
    args: Record<never, never>;
    returns: {
      "node-name"?: string;
      stats: { rd_bytes: number; wr_bytes: number; rd_operations: number; wr_operations: number };
    }[];
  };
  "qom-list": { args: { path: string }; returns: { name: string; type: string }[] };
  "qom-get": { args: { path: string; property: string }; returns: unknown };
}

/** A place for a vCPU; with a path where one is. */
export interface HotpluggableCpu {
  type: string;
  "qom-path"?: string;
  props: Record<string, number>;
}

/** A device on a PCI bus, with what is behind it where it is a bridge. */
export interface PciDevice {
  bus: number;
  slot: number;
  function: number;
  /** Empty where it was given no id. */
  qdev_id: string;
  pci_bridge?: { devices?: PciDevice[] };
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
