import { KuasarError } from "../../lib/errors/mod.ts";
import type { SandboxerConfig } from "./config.ts";
import { DRIVERS } from "./driver_names.ts";

const PREFIX = "kuasar-";

/** Kuasar's own name for the handler of whatever hypervisor is installed. */
const ANY_VM = "kuasar-vmm";

/** Short for drivers whose names would be too long in a file name. */
const ALIASES: ReadonlyMap<string, string> = new Map([["clh", "cloud-hypervisor"]]);

/**
 * Chooses the driver by the name of containerd's runtime handler: the configured one, else `kuasar-<driver>`; a
 * handler of another name means the default.
 *
 * @throws INVALID_ARGUMENT for `kuasar-` with something that is no driver
 */
export function chooseDriver(handler: string, config: SandboxerConfig): string {
  const configured = Object.hasOwn(config.handlers, handler) ? config.handlers[handler] : undefined;
  if (configured !== undefined) return configured;
  if (!handler.startsWith(PREFIX) || handler === ANY_VM) return config.default_driver;
  const name = handler.slice(PREFIX.length);
  const driver = ALIASES.get(name) ?? name;
  if ((DRIVERS as readonly string[]).includes(driver)) return driver;
  const known = DRIVERS.map((name) => PREFIX + name).join(", ");
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot choose a driver: runtime handler ${JSON.stringify(handler)} is none of ${known}`,
  );
}
