import { KuasarError } from "../../lib/errors/mod.ts";
import { sysctlPath } from "../../lib/oci/mod.ts";

/** The namespaces that a pod's sysctls may belong to, whichever of them gVisor's kernel lets anybody set. */
const POD_SYSCTL = /^(?:net|kernel|fs)\//;
const VALUE = /^[\x20-\x7e\t]{0,256}$/;

/**
 * What Docker asks for in every container that has a network. gVisor's network has neither setting: it lets everybody use
 * low ports and ping sockets.
 */
const GRANTED = new Map([
  ["net/ipv4/ip_unprivileged_port_start", "0"],
  ["net/ipv4/ping_group_range", "0 2147483647"],
]);

/**
 * The files that must be written in a sandbox for a pod's sysctls, each followed by what goes into it.
 *
 * @throws KuasarError INVALID_ARGUMENT for what is no sysctl
 */
export function sysctlWrites(sysctls: Readonly<Record<string, string>>): string[] {
  return Object.entries(sysctls).flatMap(([name, value]) => {
    const path = sysctlPath(name);
    if (!POD_SYSCTL.test(path) || !VALUE.test(value)) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set the sysctl ${JSON.stringify(name.slice(0, 120))}: it is no sysctl of a pod`,
      );
    }
    if (GRANTED.get(path) === value) return [];
    return [`/proc/sys/${path}`, value];
  });
}
