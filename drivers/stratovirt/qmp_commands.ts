import type { QmpClient, QmpDialect } from "../contract/qmp/client.ts";

type Nothing = Record<never, never>;

/**
 * The commands of StratoVirt's monitor that this driver uses, with the exact shape of their arguments and answers
 * (2.1 to 2.5, `machine_manager/src/qmp`). StratoVirt rejects an argument that it does not know; most of QEMU's queries
 * are stubs there that answer nothing, so that what is plugged in is kept in a file of ours.
 */
export interface StratoVirtCommands {
  "query-status": { args: Nothing; returns: { running: boolean; status: string } };
  "query-version": { args: Nothing; returns: { package: string } };
  cont: { args: Nothing; returns: unknown };
  stop: { args: Nothing; returns: unknown };
  quit: { args: Nothing; returns: unknown };
  "blockdev-add": { args: BlockNode; returns: unknown };
  "blockdev-del": { args: { "node-name": string }; returns: unknown };
  device_add: { args: DiskDevice | NicDevice | VfioDevice; returns: unknown };
  device_del: { args: { id: string }; returns: unknown };
  getfd: { args: { fdname: string }; returns: unknown };
  netdev_add: { args: { id: string; type: "tap"; fd?: string; fds?: string }; returns: unknown };
  netdev_del: { args: { id: string }; returns: unknown };
}

/** A raw disk. */
export interface BlockNode {
  "node-name": string;
  driver: "raw";
  "read-only": boolean;
  file: { driver: "file"; filename: string; aio: "off" };
  cache: { direct: boolean };
}

/** A disk at a root port (`virtio-blk-pci`), or at a place of a microvm (`virtio-blk-mmio`, without a bus). */
export interface DiskDevice {
  driver: "virtio-blk-pci" | "virtio-blk-mmio";
  id: string;
  drive: string;
  serial: string;
  bus?: string;
  addr: string;
}

/** A NIC at a root port; its numbers are texts. */
export interface NicDevice {
  driver: "virtio-net-pci";
  id: string;
  netdev: string;
  mac: string;
  mq?: string;
  vectors?: string;
  bus: string;
  addr: string;
}

/** A device of the host at a root port. */
export interface VfioDevice {
  driver: "vfio-pci";
  id: string;
  /** Its address on the host's bus. */
  host?: string;
  bus: string;
  addr: string;
}

/** StratoVirt reads one command from its socket at a time. */
export const DIALECT: QmpDialect = { oneAtATime: true };

/** The monitor of a StratoVirt process. */
export type StratoVirtMonitor = QmpClient<StratoVirtCommands>;
