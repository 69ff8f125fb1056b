import { KuasarError } from "../../../lib/errors/mod.ts";

/** What a VM has, and what it was started with room for. */
export interface VmSize {
  vcpus: number;
  maxVcpus: number;
  /** All memory that is plugged in, the balloon's share too. */
  memoryMib: number;
  maxMemoryMib: number;
  /** What the balloon is to take. */
  balloonMib: number;
}

/** What a hypervisor does to change the size of a VM. */
export interface Resizable {
  size(): Promise<VmSize>;
  /** Plugs vCPUs in until there are so many. */
  plugVcpus(total: number): Promise<void>;
  /** Plugs memory in until there is so much. */
  plugMemory(totalMib: number): Promise<void>;
  /** Lets the balloon take so much of all memory, which the guest gives as fast as it can. */
  setBalloon(mib: number): Promise<void>;
}

/** What a VM is to have; 0 leaves it as it is. */
export interface WantedSize {
  vcpus: number;
  memoryMib: number;
}

/** Memory is plugged in in blocks of this size: x86 guests bring no smaller ones online. */
const MEMORY_BLOCK_MIB = 128;

/** A guest with less kills its agent. */
const MIN_MEMORY_MIB = 64;

/**
 * Gives a VM the size that is wanted, as far as it can be had: vCPUs never leave, memory below what is plugged in is the
 * balloon's, memory above comes in whole blocks, of which the balloon takes what was not asked for. Nothing is changed where
 * one of both cannot be had.
 *
 * @returns what the VM has then
 * @throws {KuasarError} RESOURCE_EXHAUSTED beyond the room that it was started with, INVALID_ARGUMENT below what a guest
 * lives on
 */
export async function resize(vm: Resizable, wanted: WantedSize): Promise<WantedSize> {
  const now = await vm.size();
  const vcpus = Math.max(wanted.vcpus, now.vcpus);
  if (vcpus > now.maxVcpus) throw exhausted(`${vcpus} vCPUs`, `${now.maxVcpus}`);
  const memoryMib = wanted.memoryMib === 0 ? now.memoryMib - now.balloonMib : wanted.memoryMib;
  if (memoryMib < MIN_MEMORY_MIB) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot resize the VM to ${memoryMib} MiB: a guest needs at least ${MIN_MEMORY_MIB}`,
    );
  }
  const missing = Math.max(0, memoryMib - now.memoryMib);
  const total = now.memoryMib + Math.ceil(missing / MEMORY_BLOCK_MIB) * MEMORY_BLOCK_MIB;
  if (total > now.maxMemoryMib) throw exhausted(`${memoryMib} MiB`, `${now.maxMemoryMib} MiB`);
  if (vcpus > now.vcpus) await vm.plugVcpus(vcpus);
  if (total > now.memoryMib) await vm.plugMemory(total);
  if (total - memoryMib !== now.balloonMib) await vm.setBalloon(total - memoryMib);
  return { vcpus, memoryMib };
}

function exhausted(wanted: string, most: string): KuasarError {
  return new KuasarError(
    "RESOURCE_EXHAUSTED",
    `Cannot resize the VM to ${wanted}: it was started with room for ${most}`,
  );
}
