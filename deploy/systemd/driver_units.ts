import type { DriverDeployment } from "../drivers.ts";
import { driverService } from "../supervisor/mod.ts";
import { DRIVER_POWERS } from "./hardening.ts";
import { serviceUnit } from "./service_unit.ts";
import { socketUnit } from "./socket_unit.ts";

/** The units of a driver, by their file names: a process that starts when the sandboxer first calls it. */
export function driverUnits({ name, configFile, powers }: DriverDeployment): Map<string, string> {
  const socket = driverService(name);
  const unit = `kuasar-${socket}`;
  return new Map([
    [
      `${unit}.service`,
      serviceUnit({
        name: unit,
        description: `Kuasar driver ${name}`,
        powers: DRIVER_POWERS[powers],
        args: `--config /var/lib/kuasar/${configFile}`,
        sockets: [`${unit}.socket`],
      }),
    ],
    [
      `${unit}.socket`,
      socketUnit({
        name: socket,
        description: `Socket of ${unit}`,
        before: ["kuasar-sandboxer.service"],
      }),
    ],
  ]);
}
