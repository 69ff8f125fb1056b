import { withNetns, withNewNetns } from "../../lib/libc/mod.ts";

const ROOT = "/proc/sys/net";

/** Values of the settings of a namespace, by their paths below /proc/sys: `net/ipv4/conf/eth0/rp_filter`. */
export type NetworkSysctls = ReadonlyMap<string, string>;

/**
 * Settings that follow from something else: what a kernel does with a MAC address is told with the link, and the MTU too.
 */
const FOLLOWS = /^net\/ipv6\/conf\/[^/]+\/(?:stable_secret|mtu)$/;
/** Settings of a link, as its directory is named after it. */
const OF_LINK = /^(net\/ipv[46]\/(?:conf|neigh)\/)([^/]+)(\/[^/]+)$/;

let fresh: NetworkSysctls | undefined;

/**
 * The settings of a namespace that somebody has changed: those that a new namespace on this host would not have.
 *
 * @param links the links whose settings count; of others they are left out
 */
export function changedSysctls(netnsPath: string, links: readonly string[]): Map<string, string> {
  const own = withNetns(netnsPath, readAll);
  fresh ??= withNewNetns(readAll);
  const changed = changesFrom(own, fresh, links);
  if (changed.size === 0) return changed;
  // What the host gives to new namespaces may have changed since.
  fresh = withNewNetns(readAll);
  const certain = [...changesFrom(own, fresh, links)];
  return new Map(withNetns(netnsPath, () => certain.filter(([path]) => isWritable(`/proc/sys/${path}`))));
}

/**
 * The differences between two namespaces; a link has what the namespace gives to new links. Only the host's own shows what it
 * gives them of `neigh`: in others the loopback is one that has it.
 */
export function changesFrom(
  own: NetworkSysctls,
  before: NetworkSysctls,
  links: readonly string[],
): Map<string, string> {
  return new Map(
    [...own].filter(([path, value]) => {
      if (FOLLOWS.test(path)) return false;
      const [, head, name = "", tail] = OF_LINK.exec(path) ?? [];
      const isOfNamespace = head === undefined || name === "all" || name === "default" || name === "lo";
      if (isOfNamespace) return before.get(path) !== value;
      const model = head.endsWith("/neigh/") ? "lo" : "default";
      return links.includes(name) && before.get(`${head}${model}${tail}`) !== value;
    }),
  );
}

/** All that the calling thread's namespace lets one read and write. */
function readAll(): NetworkSysctls {
  const values = new Map<string, string>();
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(`/proc/sys/${path}`)) {
      const inner = `${path}/${name}`;
      if (isDirectory) visit(inner);
      else {
        const value = readSetting(`/proc/sys/${inner}`);
        if (value !== undefined) values.set(inner, value);
      }
    }
  };
  visit(ROOT.slice("/proc/sys/".length));
  return values;
}

/** Others count something. */
function isWritable(path: string): boolean {
  return ((Deno.statSync(path).mode ?? 0) & 0o200) !== 0;
}

/** Some can only be written, and some have no value yet. */
function readSetting(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}
