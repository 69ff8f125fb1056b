import {
  type Address,
  IFA_F,
  IFAPROT,
  IFF,
  isLearned,
  type Link,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  listRules,
  type Neighbour,
  type Netlink,
  NUD,
  type Route,
  RTN,
  RTPROT,
  type Rule,
} from "../../lib/netlink/mod.ts";
import { type LinkRole, roleOf } from "./link_role.ts";
import { linkLocalOf } from "./link_local.ts";

/** A link of the pod, with its addresses but those that the kernel makes by itself in every namespace. */
export interface PodLink extends Link {
  addresses: Address[];
  role: LinkRole;
}

/** What a CNI plugin has set up in the namespace of a pod. */
export interface PodNetwork {
  /** In the order of their indexes. */
  links: PodLink[];
  /** Those that the guest has a NIC for. */
  nics: PodLink[];
  /** Of all tables, but those that the kernel makes for addresses, and what routers announce. */
  routes: Route[];
  rules: Rule[];
  /** The permanent neighbours: what was learned is learned again by the guest. */
  neighbours: (Neighbour & { linkName: string })[];
}

/** Reads the links of the pod, in the order of their indexes. */
export function readPodLinks(netlink: Netlink): PodLink[] {
  const addresses = listAddresses(netlink);
  return listLinks(netlink)
    .sort((left, right) => left.index - right.index)
    .map((link) => {
      const own = addresses.filter((one) => one.linkIndex === link.index && !isOfKernel(one, link));
      return { ...link, addresses: own, role: roleOf(link, own.length > 0) };
    });
}

/** Those of a pod's links that a guest has a NIC for. */
export function nicsOf(links: readonly PodLink[]): PodLink[] {
  return links.filter(({ role }) => role === "nic");
}

/** Reads the network of the pod. */
export function readPodNetwork(netlink: Netlink): PodNetwork {
  const links = readPodLinks(netlink);
  const inGuest = new Map(
    links.filter(({ role }) => role === "nic" || role === "made" || role === "loopback")
      .map(({ index, name }) => [index, name]),
  );
  const permanent = listNeighbours(netlink).filter(({ state }) => state & NUD.PERMANENT);
  return {
    links,
    nics: nicsOf(links),
    routes: listRoutes(netlink).filter((route) =>
      isOfPod(route) && linksOf(route).every((i) => inGuest.has(i))
    ),
    rules: listRules(netlink),
    neighbours: permanent.flatMap((neighbour) => {
      const linkName = inGuest.get(neighbour.linkIndex);
      return linkName === undefined ? [] : [{ ...neighbour, linkName }];
    }),
  };
}

/** Whether the guest's kernel makes the address by itself, or learns it as the pod's has learned it. */
function isOfKernel(address: Address, link: Link): boolean {
  if (link.flags & IFF.LOOPBACK) {
    const { address: own, prefixLength } = address;
    return (own === "127.0.0.1" && prefixLength === 8) || own === "::1";
  }
  if (address.family !== 10) return false;
  // For a while, of a prefix that a router has announced.
  if (address.protocol === IFAPROT.KERNEL_RA || address.flags & IFA_F.SECONDARY) return true;
  return address.isLinkLocal && address.address === linkLocalOf(link.mac);
}

/** Whether a route belongs to what was set up: neither of the kernel's own nor learned from a router. */
function isOfPod(route: Route): boolean {
  if (isLearned(route)) return false;
  const { protocol, type, destination } = route;
  if (protocol !== RTPROT.KERNEL) return true;
  return type === RTN.UNICAST && destination !== "fe80::/64" && destination !== "ff00::/8";
}

/** The indexes of the links that a route goes over. */
function linksOf({ linkIndex, hops }: Route): number[] {
  return [...(linkIndex === undefined ? [] : [linkIndex]), ...hops.map((hop) => hop.linkIndex)];
}
