import type { Accel } from "../contract/vm/accel.ts";
import type { KernelVsock } from "../contract/vm/hypervisor.ts";
import type { Slot } from "../contract/vm/slots.ts";

/** Machines that this driver builds: q35 on x86_64, virt on aarch64. */
export type Machine = "q35" | "virt";

/** A NIC whose tap queues wait at inherited fds. */
export interface NicPlan {
  fds: readonly number[];
  mac: string;
  /** 0 leaves the guest's default. */
  mtu: number;
}

/** The directory shared with the guest. */
export type SharePlan =
  | { kind: "virtiofs"; socket: string; tag: string }
  | { kind: "9p"; dir: string; tag: string; msize?: number; multidevs: string; directIo: boolean };

/** How the guest's vsock reaches the host. */
export type VsockPlan =
  | { kind: "hybrid"; socket: string }
  | { kind: "kernel" } & KernelVsock;

/** Everything that decides QEMU's command line; building the line has no effects. */
export interface LaunchPlan {
  sandboxId: string;
  machine: Machine;
  accel: Accel;
  cpu: string;
  vcpus: number;
  memoryMib: number;
  /** What the VM may grow to; undefined for what it starts with. */
  room?: { vcpus: number; memoryMib: number };
  /** Allocates all guest memory at the start. */
  memoryPrealloc: boolean;
  /** Backs guest memory with huge pages of the default size. */
  hugepages: boolean;
  kernel: string;
  initrd: string;
  image: string;
  firmware: string;
  kernelParams: string;
  console: "hvc0" | "ttyS0" | "ttyAMA0";
  /** Source of the guest's entropy device; empty for none. */
  entropySource: string;
  seccomp: boolean;
  /** Inherited fd of the listening monitor socket. */
  monitorFd: number;
  /** Inherited fd of the listening console socket. */
  consoleFd: number;
  vsock: VsockPlan;
  share: SharePlan | undefined;
  nics: readonly NicPlan[];
  /** Places for disks that are plugged in later. */
  hotplug: HotplugPlan;
}

/**
 * How disks are plugged in while the guest runs.
 *
 * `bridge`: one PCI bridge with 31 places, driven by ACPI (q35). It costs the boot nothing that can be measured,
 * whereas each PCIe root port costs an emulated guest about 40 ms of probing; VFIO devices need root ports, of which
 * there are as many beside it as are asked for. `ports`: PCIe root ports alone, for virt, which has native hot-plug only.
 */
export type HotplugPlan = { kind: "bridge"; ports?: number } | { kind: "ports"; count: number };

/** Id of the PCI bridge of a `bridge` plan. */
export const BRIDGE_ID = "hotplug";

/** Place 0 of a bridge belongs to its own hot-plug controller, the last one to a device that is always there. */
const BRIDGE_PLACES = 30;

/** Where the device sits that is always there: it makes the guest open the bridge's memory windows. */
export const BRIDGE_RESIDENT = { bus: BRIDGE_ID, addr: "0x1f" };

/** Id of root port `index`. */
export function portId(index: number): string {
  return `rp${index}`;
}

/** Every place of a plan for what is small. */
export function hotplugSlots(plan: HotplugPlan): Slot[] {
  return plan.kind === "bridge"
    ? Array.from({ length: BRIDGE_PLACES }, (_, i) => ({ bus: BRIDGE_ID, addr: `0x${(i + 1).toString(16)}` }))
    : portSlots(plan);
}

/** Every PCIe root port of a plan. */
export function portSlots(plan: HotplugPlan): Slot[] {
  return Array.from({ length: portCount(plan) }, (_, i) => ({ bus: portId(i), addr: "0x0" }));
}

/** How many PCIe root ports a plan has. */
export function portCount(plan: HotplugPlan): number {
  return plan.kind === "bridge" ? plan.ports ?? 0 : plan.count;
}
