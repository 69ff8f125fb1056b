import { KuasarError } from "../../../lib/errors/mod.ts";
import { addRoute, type Link, listLinks, type NewRoute, setLink } from "../../../lib/netlink/mod.ts";
import { sysctlPath } from "../../../lib/oci/mod.ts";
import type { Interface, Neighbor, Route } from "../../../lib/proto/gen/grpc/sandbox.ts";
import * as sys from "../../native/sys.js";
import { within } from "../../runtime/deadline.ts";
import { withNetlink } from "../netlink_socket.ts";
import { setSysctl } from "../set_sysctl.ts";
import { EEXIST, unless } from "./errno.ts";
import { addAddresses, indexOf, rename } from "./link.ts";
import { matching } from "./matching.ts";
import { fullRoute } from "./routes.ts";
import { addNeighbors, type NetworkTools } from "./whole.ts";

export { setUpWholeNetwork } from "./whole.ts";

/** A NIC that is plugged in appears within milliseconds. */
const LINK_TIMEOUT_MS = 5000;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 1;

/**
 * Finds a link, waiting for one that is being plugged in.
 *
 * @param ordinal of the interface among those with its MAC address
 * @throws NOT_FOUND after 5 s
 */
async function findLink(wanted: Interface, ordinal = 0): Promise<Link> {
  // Subscribed before the first look, so that nothing falls between.
  const news = sys.socket(sys.AF.NETLINK, sys.SOCK.RAW, NETLINK_ROUTE);
  try {
    sys.bindNetlink(news, RTMGRP_LINK);
    const look = () => matching(withNetlink(listLinks), wanted, ordinal);
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

/** How {@link setUpWholeNetwork} reaches this kernel. */
export const networkTools: NetworkTools = {
  withNetlink,
  findLink,
  setSysctl: (path, value) => setSysctl(sysctlPath(path), value),
};

/** Gives the guest's links their names, addresses and MTU, and brings them up. May be repeated. */
export async function setUpInterfaces(interfaces: readonly Interface[]): Promise<void> {
  for (const wanted of interfaces) {
    const link = await findLink(wanted);
    withNetlink((netlink) => {
      if (wanted.name) rename(netlink, link, wanted.name);
      if (wanted.mtu > 0n) setLink(netlink, link.index, { mtu: Number(wanted.mtu) });
      // The routes come in full; one that the kernel made by itself would stand in their way.
      addAddresses(netlink, link.index, wanted.IPAddresses, false);
      setLink(netlink, link.index, { up: true });
    });
  }
}

/** What is told by hosts that tell less: the family follows from addresses, the scope from the gateway. */
function plainRoute(route: Route, links: readonly Link[]): NewRoute {
  const { family, scope: _, ...full } = fullRoute(route, links);
  const isKnown = full.destination !== undefined || full.gateway !== undefined;
  return { ...full, ...(isKnown ? {} : { family }) };
}

/** Adds routes; those of a link come first, since gateways are reached by them. May be repeated. */
export function setUpRoutes(routes: readonly Route[]): void {
  withNetlink((netlink) => {
    const links = listLinks(netlink);
    const inOrder = [...routes.filter(({ gateway }) => !gateway), ...routes.filter(({ gateway }) => gateway)];
    for (const route of inOrder) unless([EEXIST], () => addRoute(netlink, plainRoute(route, links)));
  });
}

/** Adds permanent neighbours. May be repeated. */
export function setUpNeighbors(neighbors: readonly Neighbor[]): void {
  withNetlink((netlink) => addNeighbors(netlink, neighbors, listLinks(netlink)));
}

/** The loopback belongs to every pod, also to one without a NIC. */
export function bringLoopbackUp(): void {
  withNetlink((netlink) => {
    const index = indexOf(listLinks(netlink), "lo");
    if (index !== undefined) setLink(netlink, index, { up: true });
  });
}
