import { KuasarError } from "../../../lib/errors/mod.ts";
import {
  addAddress,
  addLink,
  type AddressOptions,
  deleteLink,
  FOREVER,
  IFA_F,
  IFF,
  type Link,
  type LinkChange,
  listLinks,
  type Netlink,
  setLink,
} from "../../../lib/netlink/mod.ts";
import type { Interface, IPAddress } from "../../../lib/proto/gen/grpc/sandbox.ts";
import { EEXIST, unless } from "./errno.ts";

/** The index of a link, undefined for an empty name. @throws NOT_FOUND */
export function indexOf(links: readonly Link[], name: string): number | undefined {
  if (!name) return undefined;
  const link = links.find((candidate) => candidate.name === name);
  if (!link) throw new KuasarError("NOT_FOUND", `Cannot find the link ${name}`);
  return link.index;
}

/** Makes a link that no NIC is behind, unless it is there. @returns it */
export function makeLink(netlink: Netlink, wanted: Interface): Link {
  const { name, type: kind, data, hwAddr: mac, mtu, below } = wanted;
  const links = listLinks(netlink);
  const there = links.find((link) => link.name === name && link.kind !== "");
  if (there?.kind === kind && (!mac || there.mac === mac.toLowerCase())) return there;
  if (there) deleteLink(netlink, there.index);
  const belowIndex = indexOf(links, below);
  addLink(netlink, {
    name,
    kind,
    data,
    ...(mac && { mac }),
    ...(mtu > 0n && { mtu: Number(mtu) }),
    ...(belowIndex !== undefined && { below: belowIndex }),
  });
  return listLinks(netlink).find((link) => link.name === name)!;
}

/** Links that a kernel has made by itself at its boot: `dummy0`. */
const OF_KERNEL = "dummy";

/** Removes the links that no pod has asked for. */
export function removeOthers(netlink: Netlink, names: ReadonlySet<string>): void {
  for (const { index, kind, name } of listLinks(netlink)) {
    if (kind === OF_KERNEL && !names.has(name)) deleteLink(netlink, index);
  }
}

/** Gives a link its name, while it is down; another one that has it gets out of the way. */
export function rename(netlink: Netlink, link: Link, name: string): void {
  if (link.name === name) return;
  const other = listLinks(netlink).find((candidate) => candidate.name === name);
  if (other) {
    setLink(netlink, other.index, { up: false });
    setLink(netlink, other.index, { name: `aside${other.index}` });
  }
  if (link.flags & IFF.UP) setLink(netlink, link.index, { up: false });
  setLink(netlink, link.index, { name });
}

/** Sets everything of a link but its addresses and whether it is up. May be repeated. */
export function setUpLink(netlink: Netlink, index: number, wanted: Interface): void {
  const { mtu, rawFlags, queueLength, group, alias, master } = wanted;
  const links = listLinks(netlink);
  const now = links.find((link) => link.index === index)!;
  const masterIndex = indexOf(links, master);
  const change: LinkChange = {
    ...(mtu > 0n && Number(mtu) !== now.mtu && { mtu: Number(mtu) }),
    ...(queueLength > 0 && queueLength !== now.queueLength && { queueLength }),
    ...(group !== now.group && { group }),
    ...(alias !== now.alias && { alias }),
    ...(masterIndex !== undefined && masterIndex !== now.master && { master: masterIndex }),
    ...flagChange("noArp", IFF.NOARP, now.flags, rawFlags),
    ...flagChange("promiscuous", IFF.PROMISC, now.flags, rawFlags),
    ...flagChange("allMulticast", IFF.ALLMULTI, now.flags, rawFlags),
  };
  if (Object.keys(change).length > 0) setLink(netlink, index, change);
}

function flagChange(key: keyof LinkChange, bit: number, now: number, wanted: number): LinkChange {
  return (now & bit) === (wanted & bit) ? {} : { [key]: (wanted & bit) !== 0 };
}

/**
 * Gives a link its addresses. May be repeated.
 *
 * @param whole whether their flags are told, and the kernel makes the routes to their prefixes as in the pod's namespace
 */
export function addAddresses(
  netlink: Netlink,
  index: number,
  addresses: readonly IPAddress[],
  whole: boolean,
): void {
  for (const wanted of addresses) {
    const bits = prefixLength(wanted.mask, wanted.address);
    const options = whole ? optionsOf(wanted) : { prefixRoute: false };
    unless([EEXIST], () => addAddress(netlink, index, wanted.address, bits, options));
  }
}

function optionsOf(address: IPAddress): AddressOptions {
  const { preferredS, validS, deprecated, ...more } = address;
  return {
    ...more,
    prefixRoute: !(address.flags & IFA_F.NOPREFIXROUTE),
    preferredS: deprecated ? 0 : preferredS || FOREVER,
    validS: validS || FOREVER,
  };
}

function prefixLength(mask: string, address: string): number {
  const bits = Number(mask);
  const max = address.includes(":") ? 128 : 32;
  if (!/^\d{1,3}$/.test(mask) || bits > max) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use the prefix length ${mask} for ${address}`);
  }
  return bits;
}
