import type { KernelVsock } from "../contract/vm/hypervisor.ts";
import type { Slot } from "../contract/vm/slots.ts";

/** StratoVirt's machines: devices on MMIO, or on PCIe (q35 on x86_64, virt on aarch64). */
export type Machine = "microvm" | "q35" | "virt";

/** A NIC whose tap queues wait at inherited fds. */
export interface NicPlan {
  fds: readonly number[];
  mac: string;
}

/** How the guest's vsock reaches the host. */
export type VsockPlan =
  | { kind: "vhost-user"; socket: string }
  | { kind: "kernel" } & KernelVsock;

/** Everything that decides StratoVirt's command line; building the line has no effects. */
export interface LaunchPlan {
  sandboxId: string;
  machine: Machine;
  firmware: string;
  vcpus: number;
  memoryMib: number;
  memoryPrealloc: boolean;
  kernel: string;
  initrd: string;
  image: string;
  kernelParams: string;
  /** Empty for none. */
  entropySource: string;
  seccomp: boolean;
  /** Sockets that StratoVirt makes. */
  monitor: string;
  console: string;
  vsock: VsockPlan;
  /** The vhost-user socket of virtiofsd, and the tag. */
  share: { socket: string; tag: string } | undefined;
  nics: readonly NicPlan[];
  /** Root ports for disks; none on a microvm. */
  ports: number;
}

/** A microvm has so many places whose disk can be replaced while it runs. */
const REPLACEABLE_DISKS = 4;

/** The bus that stands for a microvm's places in our table. */
export const MMIO_BUS = "mmio";

/** Id of root port `index`. */
export function portId(index: number): string {
  return `rp${index}`;
}

/** Every place for a disk. The image of a microvm takes the first of its places. */
export function diskSlots(
  { machine, image, ports }: Pick<LaunchPlan, "machine" | "image" | "ports">,
): Slot[] {
  if (machine !== "microvm") {
    return Array.from({ length: ports }, (_, i) => ({ bus: portId(i), addr: "0x0" }));
  }
  const all = Array.from({ length: REPLACEABLE_DISKS }, (_, i) => ({ bus: MMIO_BUS, addr: `0x${i}` }));
  return image ? all.slice(1) : all;
}
