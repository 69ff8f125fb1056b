import { KuasarError } from "../../lib/errors/mod.ts";
import {
  addAddress,
  addNeighbour,
  addRoute,
  encodeAttributes,
  IFF,
  type Link,
  listLinks,
  type Netlink,
  type NewRoute,
  setLink,
  text,
} from "../../lib/netlink/mod.ts";
import type { Interface, Neighbor, Route } from "../../lib/proto/gen/grpc/sandbox.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { NetlinkError, withNetlink } from "./netlink_socket.ts";

/** A NIC that is plugged in appears within milliseconds. */
const LINK_TIMEOUT_MS = 5000;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;
const RTM_NEWLINK = 16;
const IFLA_IFNAME = 3;
/** struct ifinfomsg. */
const IFINFO_BYTES = 16;

/** Does what may have been done before. */
function unlessThere(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== sys.E.EXIST) throw error;
  }
}

/** The link with this MAC address, or else with this name. */
function matches(link: Link, { hwAddr, device, name }: Interface): boolean {
  return hwAddr ? link.mac === hwAddr.toLowerCase() : link.name === (device || name);
}

/** Finds a link, waiting for one that is being plugged in. @throws NOT_FOUND after 5 s */
async function findLink(wanted: Interface): Promise<Link> {
  // Subscribed before the first look, so that nothing falls between.
  const news = sys.socket(sys.AF.NETLINK, sys.SOCK.RAW, NETLINK_ROUTE);
  try {
    sys.bindNetlink(news, RTMGRP_LINK);
    const look = () => withNetlink(listLinks).find((link) => matches(link, wanted));
    const found = look();
    if (found) return found;
    const appeared = new Promise<Link>((resolve, reject) => {
      sys.watch(news, sys.EPOLL.IN, () => {
        try {
          while (sys.recv(news));
          const link = look();
          if (link) resolve(link);
        } catch (error) {
          reject(error);
        }
      });
    });
    return await within(LINK_TIMEOUT_MS, "find the link", appeared);
  } catch (error) {
    if (!(error instanceof KuasarError) || error.code !== "DEADLINE_EXCEEDED") throw error;
    const there = withNetlink(listLinks).map((link) => `${link.name} ${link.mac}`);
    const what = wanted.hwAddr || wanted.device || wanted.name;
    throw new KuasarError("NOT_FOUND", `Cannot find the link ${what}: the guest has ${there.join(", ")}`);
  } finally {
    sys.close(news);
  }
}

/** A link is renamed while it is down. */
function rename(netlink: Netlink, link: Link, name: string): void {
  if (link.flags & IFF.UP) setLink(netlink, link.index, { up: false });
  const head = new Uint8Array(IFINFO_BYTES);
  new DataView(head.buffer).setInt32(4, link.index, true);
  const attributes = encodeAttributes([text(IFLA_IFNAME, name)]);
  const payload = new Uint8Array(head.length + attributes.length);
  payload.set(head);
  payload.set(attributes, head.length);
  netlink.execute({ type: RTM_NEWLINK, flags: 0, payload, action: `rename ${link.name} to ${name}` });
}

function prefixLength(mask: string, address: string): number {
  const bits = Number(mask);
  const max = address.includes(":") ? 128 : 32;
  if (!/^\d{1,3}$/.test(mask) || bits > max) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use the prefix length ${mask} for ${address}`);
  }
  return bits;
}

/** Gives the guest's links their names, addresses and MTU, and brings them up. May be repeated. */
export async function setUpInterfaces(interfaces: readonly Interface[]): Promise<void> {
  for (const wanted of interfaces) {
    const link = await findLink(wanted);
    withNetlink((netlink) => {
      if (wanted.name && wanted.name !== link.name) rename(netlink, link, wanted.name);
      if (wanted.mtu > 0n) setLink(netlink, link.index, { mtu: Number(wanted.mtu) });
      for (const { address, mask } of wanted.IPAddresses) {
        // The routes come in full; one that the kernel made by itself would stand in their way.
        const bits = prefixLength(mask, address);
        unlessThere(() => addAddress(netlink, link.index, address, bits, { prefixRoute: false }));
      }
      setLink(netlink, link.index, { up: true });
    });
  }
}

/** The index of a link, undefined for an empty name. @throws NOT_FOUND */
function indexOf(links: readonly Link[], name: string): number | undefined {
  if (!name) return undefined;
  const link = links.find((candidate) => candidate.name === name);
  if (!link) throw new KuasarError("NOT_FOUND", `Cannot find the link ${name}`);
  return link.index;
}

function newRoute(route: Route, links: readonly Link[]): NewRoute {
  const linkIndex = indexOf(links, route.device);
  return {
    ...(route.dest ? { destination: route.dest } : {}),
    ...(route.gateway ? { gateway: route.gateway } : {}),
    ...(route.source ? { source: route.source } : {}),
    ...(linkIndex === undefined ? {} : { linkIndex }),
    flags: route.flags,
  };
}

/** Adds routes; those of a link come first, since gateways are reached by them. May be repeated. */
export function setUpRoutes(routes: readonly Route[]): void {
  withNetlink((netlink) => {
    const links = listLinks(netlink);
    const inOrder = [...routes.filter(({ gateway }) => !gateway), ...routes.filter(({ gateway }) => gateway)];
    for (const route of inOrder) unlessThere(() => addRoute(netlink, newRoute(route, links)));
  });
}

/** Adds permanent neighbours. May be repeated. */
export function setUpNeighbors(neighbors: readonly Neighbor[]): void {
  withNetlink((netlink) => {
    const links = listLinks(netlink);
    for (const { address, device, hwAddr } of neighbors) {
      const linkIndex = indexOf(links, device);
      if (linkIndex === undefined || !address) {
        throw new KuasarError("INVALID_ARGUMENT", "Cannot add a neighbour without device or address");
      }
      addNeighbour(netlink, { linkIndex, address: address.address, mac: hwAddr });
    }
  });
}

/** The loopback belongs to every pod, also to one without a NIC. */
export function bringLoopbackUp(): void {
  withNetlink((netlink) => {
    const index = indexOf(listLinks(netlink), "lo");
    if (index !== undefined) setLink(netlink, index, { up: true });
  });
}
