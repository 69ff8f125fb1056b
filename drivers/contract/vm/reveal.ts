import { KuasarError } from "../../../lib/errors/mod.ts";
import { exists } from "../../../lib/files/mod.ts";
import { hideInRoot, sealRoot, showInRoot } from "../../../lib/mounts/mod.ts";
import { isAlive, type ProcessRef, type Shown } from "../../../lib/process/mod.ts";
import type { BlockDevice } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { blockFileKind } from "./block_file.ts";
import type { Control } from "./control.ts";
import type { Device } from "./devices.ts";
import type { VmHost } from "./host.ts";
import type { Machine, MachineRecord } from "./machine.ts";

/** What a VMM opens for a disk. @throws {KuasarError} INVALID_ARGUMENT for a path that is no disk */
export async function filesOfDisk({ hostPath, readOnly }: BlockDevice): Promise<Shown[]> {
  if (await blockFileKind(hostPath) === "device") return [{ path: hostPath, access: "device" }];
  return [{ path: hostPath, access: readOnly ? "read" : "write" }];
}

/** What a VMM opens for a device. */
export function filesOfDevice(device: Device): Shown[] {
  switch (device.$case) {
    case "nic":
      // Taps are handed over open.
      return [];
    case "share":
      return [{ path: device.value.socketPath, access: "write" }];
    case "pmem":
      return [{ path: device.value.hostPath, access: "write" }];
    case "vfio":
      return [{ path: "/dev/vfio", access: "tree" }, { path: "/sys", access: "tree" }];
  }
}

/**
 * Shows files to a VMM for what is about to be plugged in. One with the host's root sees them already.
 *
 * @param key what they are for: `disk d1`
 * @throws {KuasarError} FAILED_PRECONDITION where it has ended
 */
export function reveal<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  key: string,
  files: readonly Shown[],
): void {
  const found = files.filter(({ path }) => exists(path));
  if (found.length === 0) return;
  note(host, machine, { ...machine.record.revealed, [key]: found.map(({ path }) => path) });
  showInRoot(vmmOf(machine).pid, found);
}

/** Hides what was shown for something, but for what something else needs. What was not shown is fine. */
export function conceal<C extends Control>(host: VmHost<C>, machine: Machine<C>, key: string): void {
  const { [key]: gone = [], ...rest } = machine.record.revealed ?? {};
  if (gone.length === 0) return;
  const needed = new Set(Object.values(rest).flat());
  if (isAlive(vmmOf(machine))) {
    hideInRoot(vmmOf(machine).pid, gone.filter((path) => !needed.has(path)));
  }
  note(host, machine, rest);
}

function note<C extends Control>(
  { records }: VmHost<C>,
  machine: Machine<C>,
  revealed: NonNullable<MachineRecord["revealed"]>,
): void {
  machine.record = { ...machine.record, revealed };
  records.put(machine.id, machine.record);
}

function vmmOf<C extends Control>({ id, record: { vmm } }: Machine<C>): ProcessRef {
  if (vmm) return vmm;
  throw new KuasarError("FAILED_PRECONDITION", `Cannot change what the VMM of ${id} sees: there is none`);
}

/** Takes away what a program that has started saw for its start only. */
export function seal(program: ProcessRef, trees: readonly string[]): void {
  try {
    if (isAlive(program)) sealRoot(program.pid, trees);
  } catch (error) {
    // Its end is told by others.
    if (isAlive(program)) throw error;
  }
}
