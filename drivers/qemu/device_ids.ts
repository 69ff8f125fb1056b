import type { Device } from "../contract/vm/devices.ts";

type Kind = Device["$case"];

const PLUGGED = /^plug-(nic|share|pmem|vfio)-(.+)$/;

/** A device that was plugged in under an id of the caller's, as QEMU knows it. */
export interface PluggedDevice {
  kind: Kind;
  /** Among QEMU's devices; what stands behind it has this name and a suffix. */
  name: string;
}

/** The name that a device gets in QEMU, which tells its kind to the next driver process too. */
export function nameOf(kind: Kind, id: string): string {
  return `plug-${kind}-${id}`;
}

/** The device under this id among the names of all of QEMU's devices. */
export function findDevice(names: Iterable<string>, id: string): PluggedDevice | undefined {
  for (const name of names) {
    const [, kind, own] = PLUGGED.exec(name) ?? [];
    if (own === id) return { kind: kind as Kind, name };
  }
  return undefined;
}

/** The key of a plugged device among the places, where disks stand under their serials; undefined for other devices. */
export function placeKey(name: string): string | undefined {
  return PLUGGED.test(name) ? `:${name}` : undefined;
}
