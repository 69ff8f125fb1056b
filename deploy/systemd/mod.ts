/** The units of an installation. */
import type { DriverDeployment } from "../drivers.ts";
import { coreUnits } from "./core_units.ts";
import { driverUnits } from "./driver_units.ts";
import { TARGET } from "./service_unit.ts";
import { STOP_TARGET, stopTarget, target } from "./targets.ts";

export { STOP_TARGET, TARGET };

/** All unit files with these drivers, by their names, written for the default layout. */
export function allUnits(drivers: readonly DriverDeployment[]): Map<string, string> {
  const units = new Map([...coreUnits(), ...drivers.flatMap((driver) => [...driverUnits(driver)])]);
  const names = [...units.keys()];
  return units.set(TARGET, target(names)).set(STOP_TARGET, stopTarget(names));
}
