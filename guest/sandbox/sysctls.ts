import { KuasarError } from "../../lib/errors/mod.ts";

/**
 * The path of a kernel setting below /proc/sys. As in sysctl(8): dots separate, unless there is a slash, then slashes do
 * and dots belong to names (`net/ipv4/conf/eth0.1/rp_filter`).
 *
 * @throws INVALID_ARGUMENT for what is no such name
 */
export function sysctlPath(name: string): string {
  const parts = name.includes("/") ? name.split("/") : name.split(".");
  const isName = (part: string) => /^[\w.:@-]+$/.test(part) && !/^\.+$/.test(part);
  if (parts.length < 2 || !parts.every(isName)) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot set the sysctl ${JSON.stringify(name)}: no such name`);
  }
  return `/proc/sys/${parts.join("/")}`;
}
