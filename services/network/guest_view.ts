import {
  type Address,
  FAMILY,
  FOREVER,
  IFA_F,
  IFAPROT,
  IFF,
  leadsNowhere,
  type Route as KernelRoute,
  RTNH_F_ONLINK,
} from "../../lib/netlink/mod.ts";
import {
  type Interface,
  type IPAddress,
  IPFamily,
  type Neighbor,
  type Route,
} from "../../lib/proto/gen/grpc/sandbox.ts";
import type { PodLink, PodNetwork } from "./pod_network.ts";

/** The pod's network as the guest's `SetupSandbox` takes it. */
export interface GuestView {
  /** In the order in which they can be set up: what others stand on or belong to comes first. */
  interfaces: Interface[];
  /** Routes without a gateway come first, since the others need them. */
  routes: Route[];
  neighbors: Neighbor[];
  rules: Uint8Array[];
  sysctls: Record<string, string>;
}

/** What a link keeps of its flags; others tell a state (a carrier, which comes some time after the link is up). */
const LINK_FLAGS = IFF.NOARP | IFF.PROMISC | IFF.ALLMULTI;
/** What an address keeps of its flags. */
const ADDRESS_FLAGS = IFA_F.HOMEADDRESS | IFA_F.MANAGETEMPADDR | IFA_F.NOPREFIXROUTE | IFA_F.MCAUTOJOIN;
/** Of net.ipv6.conf.NAME.addr_gen_mode: from the MAC, and not at all. */
const GENERATION = { EUI64: 0, NONE: 1 } as const;

/** Translates what is in the namespace into what the guest sets up. The link's MAC tells the guest which NIC is meant. */
export function guestView(pod: PodNetwork, sysctls: ReadonlyMap<string, string>): GuestView {
  const nameOf = (index: number | undefined) => pod.links.find((link) => link.index === index)?.name ?? "";
  const links = pod.links.filter(({ role }) => role !== "unused").sort((a, b) => rankOf(a) - rankOf(b));
  const isDirect = ({ gateway, hops }: KernelRoute) => gateway === undefined && hops.length === 0;
  const routes = [...pod.routes.filter(isDirect), ...pod.routes.filter((route) => !isDirect(route))];
  return {
    interfaces: links.map((link) => ({
      device: link.name,
      name: link.name,
      IPAddresses: link.addresses.map(addressView),
      mtu: BigInt(link.mtu),
      hwAddr: link.mac,
      type: link.kind,
      rawFlags: link.flags & LINK_FLAGS,
      madeByGuest: link.role === "made",
      data: link.role === "made" ? link.data : new Uint8Array(),
      below: link.role === "made" ? nameOf(link.below) : "",
      master: nameOf(link.master),
      down: !(link.flags & IFF.UP),
      queueLength: link.queueLength,
      group: link.group,
      alias: link.alias,
      addressGeneration: generationOf(link, sysctls),
    })),
    routes: routes.map((route) => routeView(route, nameOf)),
    neighbors: pod.neighbours.map((neighbour) => ({
      address: { ...NO_MORE, family: familyOf(neighbour.family), address: neighbour.address, mask: "" },
      device: neighbour.linkName,
      hwAddr: neighbour.mac,
      state: neighbour.state,
    })),
    rules: pod.rules,
    sysctls: Object.fromEntries([...sysctls].filter(([path]) => !path.endsWith("/addr_gen_mode"))),
  };
}

const rankOf = ({ role, below }: PodLink) => role === "loopback" ? 0 : role === "nic" ? 2 : below ? 3 : 1;

/** What a plain address has besides. */
const NO_MORE = {
  flags: 0,
  scope: 0,
  peer: "",
  broadcast: "",
  label: "",
  metric: 0,
  protocol: 0,
  preferredS: 0,
  validS: 0,
  deprecated: false,
} satisfies Partial<IPAddress>;

function addressView(address: Address): IPAddress {
  const seconds = (lifetime: number) => lifetime === FOREVER ? 0 : lifetime;
  return {
    family: familyOf(address.family),
    address: address.address,
    mask: String(address.prefixLength),
    flags: address.flags & ADDRESS_FLAGS,
    scope: address.scope,
    peer: address.peer ?? "",
    broadcast: address.broadcast ?? "",
    label: address.label,
    metric: address.metric,
    protocol: address.protocol,
    preferredS: seconds(address.preferredS),
    validS: seconds(address.validS),
    deprecated: address.preferredS === 0,
  };
}

/** Link-local addresses that are not made from the MAC are told, and no others are made then. */
function generationOf({ name, addresses }: PodLink, sysctls: ReadonlyMap<string, string>): number {
  const mode = sysctls.get(`net/ipv6/conf/${name}/addr_gen_mode`);
  const madeOtherwise = addresses.some(({ isLinkLocal, protocol }) =>
    isLinkLocal && protocol === IFAPROT.KERNEL_LL
  );
  return madeOtherwise || mode === String(GENERATION.NONE) ? GENERATION.NONE : GENERATION.EUI64;
}

function routeView(route: KernelRoute, nameOf: (index: number | undefined) => string): Route {
  return {
    dest: route.destination ?? "",
    gateway: route.gateway ?? "",
    device: leadsNowhere(route) ? "" : nameOf(route.linkIndex),
    source: route.source ?? "",
    scope: route.scope,
    family: familyOf(route.family),
    flags: route.flags & RTNH_F_ONLINK,
    from: route.from ?? "",
    table: route.table,
    type: route.type,
    protocol: route.protocol,
    metric: route.metric,
    tos: route.tos,
    metrics: route.metrics,
    preference: route.preference,
    hops: route.hops.map(({ gateway = "", linkIndex, weight, flags }) => ({
      gateway,
      device: nameOf(linkIndex),
      weight,
      flags: flags & RTNH_F_ONLINK,
    })),
  };
}

function familyOf(family: number): IPFamily {
  return family === FAMILY.V6 ? IPFamily.v6 : IPFamily.v4;
}
