import {
  type Address,
  ARPHRD,
  IFF,
  type Link,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  MAIN_TABLE,
  type Neighbour,
  type Netlink,
  NUD,
  type Route,
  RTN_UNICAST,
} from "../../lib/netlink/mod.ts";
import { TAP_PREFIX } from "./tap.ts";

/** A link of the pod that the guest gets, with its addresses but the link-local v6 ones. */
export interface PodLink extends Link {
  addresses: Address[];
}

/** What a CNI plugin has set up in the namespace of a pod. */
export interface PodNetwork {
  /** In the order of their indexes. */
  links: PodLink[];
  /** The main table: all unicast routes over these links, the kernel's own too, but no link-local v6 ones. */
  routes: (Route & { linkName: string })[];
  /** The permanent neighbours: what was learned is learned again by the guest. */
  neighbours: (Neighbour & { linkName: string })[];
}

/**
 * Kinds that are no way out of the pod by themselves (their ports are) or have no Ethernet peer: they stay with
 * the host.
 */
const OTHER_KINDS = new Set(["bridge", "bond", "team", "dummy", "ifb", "tun", "vrf"]);

/** Reads the network of the pod. */
export function readPodNetwork(netlink: Netlink): PodNetwork {
  const addresses = listAddresses(netlink).filter((address) => !address.isLinkLocal);
  const links = listLinks(netlink)
    .map((link) => ({ ...link, addresses: addresses.filter(({ linkIndex }) => linkIndex === link.index) }))
    .filter(belongsToGuest)
    .sort((left, right) => left.index - right.index);
  const nameOf = new Map(links.map(({ index, name }) => [index, name]));
  const routes = listRoutes(netlink).filter(isWanted).flatMap((route) => named(route, nameOf));
  const permanent = listNeighbours(netlink).filter(({ state }) => state & NUD.PERMANENT);
  return { links, routes, neighbours: permanent.flatMap((neighbour) => named(neighbour, nameOf)) };
}

/** Whether the guest gets a NIC for a link: each veth, and other Ethernet links that have an address. */
function belongsToGuest(link: PodLink): boolean {
  if (link.hardwareType !== ARPHRD.ETHER || link.flags & IFF.LOOPBACK || link.master !== undefined) {
    return false;
  }
  if (link.name.startsWith(TAP_PREFIX) || OTHER_KINDS.has(link.kind)) return false;
  return link.kind === "veth" || link.addresses.length > 0;
}

function isWanted(route: Route): boolean {
  const isLocal = route.destination?.startsWith("fe80:") ?? false;
  return route.table === MAIN_TABLE && route.type === RTN_UNICAST && !isLocal;
}

function named<T extends { linkIndex: number | undefined }>(
  entry: T,
  nameOf: ReadonlyMap<number, string>,
): (T & { linkName: string })[] {
  const linkName = entry.linkIndex === undefined ? undefined : nameOf.get(entry.linkIndex);
  return linkName === undefined ? [] : [{ ...entry, linkName }];
}
