import { KuasarError } from "../../lib/errors/mod.ts";
import type { SandboxerConfig } from "./config.ts";

const PREFIX = "kuasar-";

/** Kuasar's own name for the handler of whatever hypervisor is installed. */
const ANY_VM = "kuasar-vmm";

/** Kuasar's short name for a driver. */
const ALIASES: ReadonlyMap<string, string> = new Map([["clh", "cloud-hypervisor"]]);

/**
 * Chooses the driver by the name of containerd's runtime handler: the configured one, else `kuasar-<driver>`; a
 * handler of another name means the default.
 *
 * @param installed the drivers of this node
 * @throws INVALID_ARGUMENT for `kuasar-` with something that is no driver of this node
 */
export function chooseDriver(handler: string, config: SandboxerConfig, installed: () => string[]): string {
  const configured = Object.hasOwn(config.handlers, handler) ? config.handlers[handler] : undefined;
  if (configured !== undefined) return configured;
  if (!handler.startsWith(PREFIX) || handler === ANY_VM) return config.default_driver;
  const name = handler.slice(PREFIX.length);
  const driver = ALIASES.get(name) ?? name;
  const known = installed();
  if (known.includes(driver)) return driver;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot choose a driver: runtime handler ${
      JSON.stringify(handler)
    } is none of those that are installed here: ${
      known.map((name) => PREFIX + name).join(", ") || "there are none"
    }`,
  );
}
