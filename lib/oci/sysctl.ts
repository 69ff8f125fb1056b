import { KuasarError } from "../errors/mod.ts";

const LONGEST_SHOWN = 120;

/**
 * The path of a kernel setting below `/proc/sys`, from either spelling of its name. The first separator is the one that
 * separates, the other one stands for a dot within a name: `net.ipv4.conf.eth0/1.rp_filter` and
 * `net/ipv4/conf/eth0.1/rp_filter` are the same.
 *
 * @throws KuasarError INVALID_ARGUMENT for what is no such name
 * @see sysctl.d(5)
 */
export function sysctlPath(name: string): string {
  const slashes = /^[^./]*\//.test(name);
  const parts = slashes ? name.split("/") : name.split(".").map((part) => part.replaceAll("/", "."));
  const isName = (part: string) => /^[\w.:@-]+$/.test(part) && !/^\.+$/.test(part);
  if (parts.length < 2 || !parts.every(isName)) {
    const shown = JSON.stringify(name.slice(0, LONGEST_SHOWN));
    throw new KuasarError("INVALID_ARGUMENT", `Cannot set the sysctl ${shown}: no such name`);
  }
  return parts.join("/");
}
