import type { DriverDeployment } from "../drivers/contract/deployment.ts";
import { deployment as cloudHypervisor } from "../drivers/cloud_hypervisor/deployment.ts";
import { deployment as firecracker } from "../drivers/firecracker/deployment.ts";
import { deployment as gvisor } from "../drivers/gvisor/deployment.ts";
import { deployment as qemu } from "../drivers/qemu/deployment.ts";
import { deployment as quark } from "../drivers/quark/deployment.ts";
import { deployment as runc } from "../drivers/runc/deployment.ts";
import { deployment as stratovirt } from "../drivers/stratovirt/deployment.ts";
import { deployment as wasm } from "../drivers/wasm/deployment.ts";
import { KuasarError } from "../lib/errors/mod.ts";

export type { DriverDeployment };

/** Every driver: a new one is its folder and its line here. The first is the default. */
export const DRIVERS: readonly DriverDeployment[] = [
  qemu,
  cloudHypervisor,
  stratovirt,
  firecracker,
  runc,
  wasm,
  gvisor,
  quark,
];

/** The driver of this name. @throws KuasarError NOT_FOUND naming those that exist */
export function driverDeployment(name: string): DriverDeployment {
  const found = DRIVERS.find((driver) => driver.name === name);
  if (found) return found;
  const known = DRIVERS.map((driver) => driver.name).join(", ");
  throw new KuasarError("NOT_FOUND", `Cannot find driver ${JSON.stringify(name)}: there are ${known}`);
}

/**
 * The drivers that a flag `--hypervisor` names, separated by commas; Kuasar writes their names with an underscore.
 *
 * @param names `all`, or nothing, for every driver
 * @throws KuasarError NOT_FOUND
 */
export function chosenDrivers(names = "all"): DriverDeployment[] {
  if (names === "all") return [...DRIVERS];
  return names.split(",").map((name) => driverDeployment(name.trim().replaceAll("_", "-")));
}

/** The driver whose pods have this runtime handler; undefined for one that is not ours. */
export function driverOfHandler(handler: string): DriverDeployment | undefined {
  return DRIVERS.find(({ handlers }) => handlers.includes(handler));
}

/** The handlers of all drivers. */
export function allHandlers(): string[] {
  return DRIVERS.flatMap(({ handlers }) => handlers);
}

/** The name of a shim program that containerd looks up in its PATH for a runtime type. */
export function shimBinary(runtimeType: string): string {
  const [name, version] = runtimeType.split(".").slice(-2);
  return `containerd-shim-${name}-${version}`;
}

/** Every shim program: those of the runtime types, and one per handler for containerd without the Sandbox API. */
export function shimBinaries(drivers: readonly DriverDeployment[] = DRIVERS): string[] {
  const types = drivers.flatMap(({ runtimeType, handlers }) => [
    runtimeType,
    ...handlers.map((handler) => `io.containerd.${handler}.v2`),
  ]);
  return [...new Set(types.map(shimBinary))];
}
