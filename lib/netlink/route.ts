import { type Attribute, decodeAttributes, encodeAttributes, numberIn, raw, u32, u8 } from "./attributes.ts";
import { FAMILY, familyOf, formatIp, parseIp } from "./ip.ts";
import { concat, type Netlink, NLM } from "./message.ts";
import { decodeNextHops, encodeNextHops, type NextHop } from "./next_hop.ts";

/** A route, with all that ip-route(8) can give one but encapsulation. */
export interface Route {
  /** 2 for v4, 10 for v6. */
  family: number;
  /** CIDR; undefined for the default route. */
  destination: string | undefined;
  /** CIDR; only for packets from there. v6 only. */
  from: string | undefined;
  /** Of either family; undefined for a route without one and for one with {@link hops}. */
  gateway: string | undefined;
  /** The preferred source address. */
  source: string | undefined;
  linkIndex: number | undefined;
  /** The next hops of a route that has several, else empty. */
  hops: NextHop[];
  table: number;
  /** One of {@link RTN}. */
  type: number;
  scope: number;
  tos: number;
  /** RTPROT_*: who made it. */
  protocol: number;
  /** RTNH_F_* and RTM_F_*. */
  flags: number;
  metric: number;
  /** RTAX_* (mtu, advmss, lock, …) as the kernel writes them; empty for none. */
  metrics: Uint8Array;
  /** ICMPV6_ROUTER_PREF_*: 0 is medium. */
  preference: number;
  /** Whether it goes by itself after a while, as what routers announce does. */
  expires: boolean;
  /** Types of attributes (RTA_*) that are not understood here: the route is more than what is told. */
  unknown: number[];
}

/** The tables that ordinary routes and the kernel's own ones are in. */
export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;
/** Types of routes (linux/rtnetlink.h). */
export const RTN = {
  UNICAST: 1,
  LOCAL: 2,
  BROADCAST: 3,
  ANYCAST: 4,
  MULTICAST: 5,
  BLACKHOLE: 6,
  UNREACHABLE: 7,
  PROHIBIT: 8,
  THROW: 9,
} as const;
/** Who makes routes (linux/rtnetlink.h). */
export const RTPROT = { REDIRECT: 1, KERNEL: 2, BOOT: 3, RA: 9 } as const;
/** Types of routes that go nowhere: the kernel shows v6 ones on the loopback. */
const NOWHERE = new Set<number>([RTN.BLACKHOLE, RTN.UNREACHABLE, RTN.PROHIBIT, RTN.THROW]);

/** Whether a route goes nowhere, whatever link it is shown on. */
export function leadsNowhere({ type }: Pick<Route, "type">): boolean {
  return NOWHERE.has(type);
}

/** Whether routers have told of a route, or it goes by itself for another reason: nobody has set it to stay. */
export function isLearned({ protocol, expires }: Pick<Route, "protocol" | "expires">): boolean {
  return expires || protocol === RTPROT.RA || protocol === RTPROT.REDIRECT;
}

/** What a request may say of a next hop; others tell a state (no carrier, offloaded). */
export const RTNH_F_ONLINK = 4;

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTA = {
  DST: 1,
  SRC: 2,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  CACHEINFO: 12,
  TABLE: 15,
  VIA: 18,
  PREF: 20,
  PAD: 24,
  NH_ID: 30,
} as const;
/** A next hop that has a number is told in full besides; when it was used last is no part of a route. */
const UNDERSTOOD = new Set<number>(Object.values(RTA));
const RTM_F_CLONED = 0x200;
const SCOPE_LINK = 253;
/** In a removal: any scope. */
const SCOPE_NOWHERE = 255;
const SIZE = 12;

/** All routes of the namespace, v4 and v6, of all tables, without cached ones. */
export function listRoutes(netlink: Netlink): Route[] {
  const request = {
    type: RTM_GETROUTE,
    flags: NLM.DUMP,
    payload: new Uint8Array(SIZE),
    action: "list routes",
  };
  return netlink.dump(request)
    .filter((payload) => payload[0] === FAMILY.V4 || payload[0] === FAMILY.V6) // not those of multicast routers
    .map(decodeRoute)
    .filter((route) => !(route.flags & RTM_F_CLONED));
}

/** Reads struct rtmsg and what follows it. */
export function decodeRoute(payload: Uint8Array): Route {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(SIZE));
  const { hops, unknown } = decodeNextHops(attributes.get(RTA.MULTIPATH));
  const prefix = (bytes: Uint8Array | undefined, at: number) =>
    bytes === undefined ? undefined : `${formatIp(bytes)}/${view.getUint8(at)}`;
  const ip = (bytes: Uint8Array | undefined) => bytes === undefined ? undefined : formatIp(bytes);
  return {
    family: view.getUint8(0),
    destination: prefix(attributes.get(RTA.DST), 1),
    from: prefix(attributes.get(RTA.SRC), 2),
    // RTA_VIA begins with the family, in two bytes.
    gateway: ip(attributes.get(RTA.GATEWAY) ?? attributes.get(RTA.VIA)?.subarray(2)),
    source: ip(attributes.get(RTA.PREFSRC)),
    linkIndex: numberIn(attributes.get(RTA.OIF)),
    hops,
    table: numberIn(attributes.get(RTA.TABLE)) ?? view.getUint8(4),
    tos: view.getUint8(3),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    flags: view.getUint32(8, true),
    metric: numberIn(attributes.get(RTA.PRIORITY)) ?? 0,
    metrics: (attributes.get(RTA.METRICS) ?? new Uint8Array()).slice(),
    preference: numberIn(attributes.get(RTA.PREF)) ?? 0,
    expires: isExpiring(attributes.get(RTA.CACHEINFO)),
    unknown: [...[...attributes.keys()].filter((type) => !UNDERSTOOD.has(type)), ...unknown],
  };
}

/** struct rta_cacheinfo: the third number is the time that is left. */
function isExpiring(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && (numberIn(bytes.subarray(8, 12)) ?? 0) !== 0;
}

/** A route to be added or removed; what is left out is as ip-route(8) has it. */
export interface NewRoute {
  /** @default that of the destination, else of the source, else of the gateway, else v4 */
  family?: number;
  /** CIDR; left out for the default route. */
  destination?: string | undefined;
  from?: string | undefined;
  gateway?: string | undefined;
  source?: string | undefined;
  linkIndex?: number | undefined;
  hops?: readonly NextHop[];
  /** @default the main one */
  table?: number;
  /** One of {@link RTN}. @default unicast */
  type?: number;
  /** RTNH_F_* */
  flags?: number;
  /** RT_SCOPE_*. @default link without a gateway, else the universe */
  scope?: number;
  tos?: number;
  /** @default boot */
  protocol?: number;
  metric?: number;
  metrics?: Uint8Array;
  preference?: number;
}

/** Adds a route. @throws {Errno} EEXIST, ENETUNREACH when the gateway cannot be reached */
export function addRoute(netlink: Netlink, route: NewRoute): void {
  netlink.execute(newRouteRequest(route, NLM.CREATE | NLM.EXCL));
}

/**
 * Adds a route beside those that have the same destination and metric but another way, as the last of them.
 *
 * @throws {Errno} EEXIST for the very same route, ENETUNREACH when the gateway cannot be reached
 */
export function appendRoute(netlink: Netlink, route: NewRoute): void {
  netlink.execute(newRouteRequest(route, NLM.CREATE | NLM.APPEND));
}

function newRouteRequest(route: NewRoute, flags: number) {
  return {
    type: RTM_NEWROUTE,
    flags,
    payload: routeMessage(route, route.protocol ?? RTPROT.BOOT),
    action: `add the route to ${route.destination ?? "everywhere"}`,
  };
}

/** Removes a route, of whatever protocol and scope unless they are given. @throws {Errno} ESRCH when there is none */
export function deleteRoute(netlink: Netlink, route: NewRoute): void {
  netlink.execute({
    type: RTM_DELROUTE,
    flags: 0,
    payload: routeMessage({ scope: SCOPE_NOWHERE, ...route }, route.protocol ?? 0),
    action: `remove the route to ${route.destination ?? "everywhere"}`,
  });
}

function routeMessage(route: NewRoute, protocol: number): Uint8Array {
  const [destination, destinationBits] = parsePrefix(route.destination);
  const [from, fromBits] = parsePrefix(route.from);
  const gateway = route.gateway === undefined ? undefined : parseIp(route.gateway);
  const source = route.source === undefined ? undefined : parseIp(route.source);
  const hops = route.hops ?? [];
  const known = destination ?? source ?? gateway;
  const family = route.family ?? (known === undefined ? FAMILY.V4 : familyOf(known));
  const table = route.table ?? MAIN_TABLE;
  const head = new Uint8Array(SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, family);
  view.setUint8(1, destinationBits);
  view.setUint8(2, fromBits);
  view.setUint8(3, route.tos ?? 0);
  // Tables of larger numbers are told in the attribute only.
  view.setUint8(4, table < 256 ? table : 0);
  view.setUint8(5, protocol);
  view.setUint8(6, route.scope ?? (gateway === undefined && hops.length === 0 ? SCOPE_LINK : 0));
  view.setUint8(7, route.type ?? RTN.UNICAST);
  view.setUint32(8, route.flags ?? 0, true);
  const attributes: Attribute[] = [
    ...(destination === undefined ? [] : [raw(RTA.DST, destination)]),
    ...(from === undefined ? [] : [raw(RTA.SRC, from)]),
    ...(gateway === undefined ? [] : [gatewayAttribute(family, gateway)]),
    ...(source === undefined ? [] : [raw(RTA.PREFSRC, source)]),
    ...(route.linkIndex === undefined ? [] : [u32(RTA.OIF, route.linkIndex)]),
    ...(hops.length === 0
      ? []
      : [raw(RTA.MULTIPATH, encodeNextHops(hops, (bytes) => gatewayAttribute(family, bytes)))]),
    ...(table < 256 ? [] : [u32(RTA.TABLE, table)]),
    ...(route.metric ? [u32(RTA.PRIORITY, route.metric)] : []),
    ...(route.metrics?.length ? [raw(RTA.METRICS, route.metrics)] : []),
    ...(route.preference ? [u8(RTA.PREF, route.preference)] : []),
  ];
  return concat(head, encodeAttributes(attributes));
}

/** A gateway of the other family is an attribute of its own (RFC 8950: v4 over v6 networks). */
function gatewayAttribute(family: number, gateway: Uint8Array): Attribute {
  const own = familyOf(gateway);
  if (own === family) return raw(RTA.GATEWAY, gateway);
  return raw(RTA.VIA, Uint8Array.of(own, 0, ...gateway));
}

function parsePrefix(prefix: string | undefined): [address: Uint8Array | undefined, bits: number] {
  if (prefix === undefined) return [undefined, 0];
  const [address, bits] = prefix.split("/");
  const bytes = parseIp(address!);
  return [bytes, Number(bits ?? bytes.length * 8)];
}
