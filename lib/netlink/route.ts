import { decodeAttributes, encodeAttributes, numberIn, raw, u32 } from "./attributes.ts";
import { FAMILY, familyOf, formatIp, parseIp } from "./ip.ts";
import { concat, type Netlink, NLM } from "./message.ts";

/** A unicast route. */
export interface Route {
  /** 2 for v4, 10 for v6. */
  family: number;
  /** CIDR; undefined for the default route. */
  destination: string | undefined;
  gateway: string | undefined;
  /** The preferred source address. */
  source: string | undefined;
  linkIndex: number | undefined;
  table: number;
  /** RTN_*: 1 is unicast. */
  type: number;
  scope: number;
  /** RTPROT_*: who made it; 2 is the kernel. */
  protocol: number;
  /** RTNH_F_*: 4 is onlink. */
  flags: number;
  metric: number;
}

/** The table that ordinary routes are in. */
export const MAIN_TABLE = 254;
/** Type of an ordinary route. */
export const RTN_UNICAST = 1;

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, MULTIPATH: 9, TABLE: 15 };
const RTM_F_CLONED = 0x200;
const RTPROT_BOOT = 3;
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
  return netlink.dump(request).map(decodeRoute).filter((route) => !(route.flags & RTM_F_CLONED));
}

/** Reads struct rtmsg and what follows it; of several next hops the first one is taken. */
export function decodeRoute(payload: Uint8Array): Route {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(SIZE));
  const hop = firstNextHop(attributes.get(RTA.MULTIPATH));
  const gateway = attributes.get(RTA.GATEWAY) ?? hop?.gateway;
  const source = attributes.get(RTA.PREFSRC);
  const destination = attributes.get(RTA.DST);
  return {
    family: view.getUint8(0),
    destination: destination === undefined ? undefined : `${formatIp(destination)}/${view.getUint8(1)}`,
    gateway: gateway === undefined ? undefined : formatIp(gateway),
    source: source === undefined ? undefined : formatIp(source),
    linkIndex: numberIn(attributes.get(RTA.OIF)) ?? hop?.linkIndex,
    table: numberIn(attributes.get(RTA.TABLE)) ?? view.getUint8(4),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    flags: view.getUint32(8, true),
    metric: numberIn(attributes.get(RTA.PRIORITY)) ?? 0,
  };
}

/** struct rtnexthop: length, flags, hops, link index, attributes. */
function firstNextHop(
  bytes: Uint8Array | undefined,
): { linkIndex: number; gateway: Uint8Array | undefined } | undefined {
  if (bytes === undefined || bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Math.min(view.getUint16(0, true), bytes.length);
  if (length < 8) return undefined;
  const gateway = decodeAttributes(bytes.subarray(8, length)).get(RTA.GATEWAY);
  return { linkIndex: view.getInt32(4, true), gateway };
}

/** A route of the main table, to be added or removed. */
export interface NewRoute {
  /** CIDR; left out for the default route, whose family is the gateway's. */
  destination?: string;
  gateway?: string;
  source?: string;
  linkIndex?: number;
  /** RTNH_F_* */
  flags?: number;
  /** RT_SCOPE_*. @default link without a gateway, else the universe */
  scope?: number;
}

/** Adds a route. @throws {Errno} EEXIST, ENETUNREACH when the gateway cannot be reached */
export function addRoute(netlink: Netlink, route: NewRoute): void {
  netlink.execute({
    type: RTM_NEWROUTE,
    flags: NLM.CREATE | NLM.EXCL,
    payload: routeMessage(route, RTPROT_BOOT),
    action: `add the route to ${route.destination ?? "everywhere"}`,
  });
}

/** Removes a route of whatever protocol. @throws {Errno} ESRCH when there is none */
export function deleteRoute(netlink: Netlink, route: NewRoute): void {
  netlink.execute({
    type: RTM_DELROUTE,
    flags: 0,
    payload: routeMessage({ scope: SCOPE_NOWHERE, ...route }, 0),
    action: `remove the route to ${route.destination ?? "everywhere"}`,
  });
}

function routeMessage(route: NewRoute, protocol: number): Uint8Array {
  const [address, prefix] = route.destination?.split("/") ?? [];
  const destination = address === undefined ? undefined : parseIp(address);
  const gateway = route.gateway === undefined ? undefined : parseIp(route.gateway);
  const known = destination ?? gateway;
  const head = new Uint8Array(SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, known === undefined ? FAMILY.V4 : familyOf(known));
  view.setUint8(1, destination === undefined ? 0 : Number(prefix ?? destination.length * 8));
  view.setUint8(4, MAIN_TABLE);
  view.setUint8(5, protocol);
  view.setUint8(6, route.scope ?? (gateway === undefined ? SCOPE_LINK : 0));
  view.setUint8(7, RTN_UNICAST);
  view.setUint32(8, route.flags ?? 0, true);
  const attributes = [
    ...(destination === undefined ? [] : [raw(RTA.DST, destination)]),
    ...(gateway === undefined ? [] : [raw(RTA.GATEWAY, gateway)]),
    ...(route.source === undefined ? [] : [raw(RTA.PREFSRC, parseIp(route.source))]),
    ...(route.linkIndex === undefined ? [] : [u32(RTA.OIF, route.linkIndex)]),
  ];
  return concat(head, encodeAttributes(attributes));
}
