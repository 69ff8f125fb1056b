import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import {
  appendRoute,
  deleteRoute,
  FAMILY,
  isLearned,
  leadsNowhere,
  type Link,
  listRoutes,
  LOCAL_TABLE,
  MAIN_TABLE,
  type Netlink,
  type NewRoute,
  type NextHop,
  type Route as KernelRoute,
  RTN,
  RTNH_F_ONLINK,
  RTPROT,
} from "../../../lib/netlink/mod.ts";
import { IPFamily, type Route } from "../../../lib/proto/gen/grpc/sandbox.ts";
import { EEXIST, ESRCH, unless } from "./errno.ts";
import { indexOf } from "./link.ts";

/** Of the link that a packet leaves by. */
const SCOPE_LINK = 253;
/** A route that is preferred to no other. */
const LAST_METRIC = 0xfffffffe;

/** A route with nothing left to the kernel's choice. */
type FullRoute = Required<NewRoute>;

/** What a message says of a route. @throws NOT_FOUND for a link that is not there */
export function fullRoute(route: Route, links: readonly Link[]): FullRoute {
  return {
    family: route.family === IPFamily.v6 ? FAMILY.V6 : FAMILY.V4,
    destination: route.dest || undefined,
    from: route.from || undefined,
    gateway: route.gateway || undefined,
    source: route.source || undefined,
    linkIndex: indexOf(links, route.device),
    hops: route.hops.map(({ gateway, device, weight, flags }): NextHop => ({
      gateway: gateway || undefined,
      linkIndex: indexOf(links, device) ?? 0,
      weight,
      flags,
    })),
    table: route.table || MAIN_TABLE,
    type: route.type || RTN.UNICAST,
    scope: route.scope,
    tos: route.tos,
    protocol: route.protocol || RTPROT.BOOT,
    flags: route.flags,
    metric: route.metric,
    metrics: route.metrics,
    preference: route.preference,
  };
}

/**
 * Makes the kernel's routes those that are wanted: others go. The kernel's own for its addresses stay, as they are not told.
 *
 * @returns those that cannot be added yet, because their gateways are reached by rules that are not there
 */
export function replaceRoutes(netlink: Netlink, wanted: readonly FullRoute[]): FullRoute[] {
  const there = listRoutes(netlink).filter(isTold).map(asFull);
  const keys = { wanted: new Set(wanted.map(keyOf)), there: new Set(there.map(keyOf)) };
  for (const route of there) {
    if (!keys.wanted.has(keyOf(route))) unless([ESRCH], () => deleteRoute(netlink, route));
  }
  return addInAnyOrder(netlink, wanted.filter((route) => !keys.there.has(keyOf(route)))).left;
}

/**
 * Adds routes some of which need others that come later.
 *
 * @returns those that the kernel takes neither before nor after the others, with what it says of the first
 */
function addInAnyOrder(netlink: Netlink, routes: readonly FullRoute[]): { left: FullRoute[]; why: unknown } {
  let left = [...routes];
  for (;;) {
    let why: unknown;
    const refused = left.filter((route) => {
      try {
        unless([EEXIST], () => appendRoute(netlink, route));
        return false;
      } catch (error) {
        why ??= error;
        return true;
      }
    });
    if (refused.length === 0 || refused.length === left.length) return { left: refused, why };
    left = refused;
  }
}

/**
 * Adds what {@link replaceRoutes} has left. A gateway may have been reached by a route that has gone since, which the kernel
 * does not mind: then there is such a route for that moment.
 *
 * @throws {KuasarError} FAILED_PRECONDITION, naming the route
 */
export function addLeftRoutes(netlink: Netlink, routes: readonly FullRoute[], links: readonly Link[]): void {
  for (const route of addInAnyOrder(netlink, routes).left) {
    const ways = waysTo(route);
    try {
      for (const way of ways) unless([EEXIST], () => appendRoute(netlink, way));
      unless([EEXIST], () => appendRoute(netlink, route));
    } catch (cause) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot give the guest the route ${describe(route, links)}: ${asKuasarError(cause).message}`,
        { cause },
      );
    } finally {
      for (const way of ways) unless([ESRCH], () => deleteRoute(netlink, way));
    }
  }
}

/** Routes to the gateways of a route, over its links. */
function waysTo({ gateway, linkIndex, hops, table }: FullRoute): NewRoute[] {
  const all = hops.length > 0 ? hops : [{ gateway, linkIndex }];
  return all.flatMap((hop) => {
    if (hop.gateway === undefined || hop.linkIndex === undefined) return [];
    const [family, bits] = hop.gateway.includes(":") ? [FAMILY.V6, 128] : [FAMILY.V4, 32];
    const scope = family === FAMILY.V4 ? SCOPE_LINK : 0;
    const destination = `${hop.gateway}/${bits}`;
    return [{ family, destination, linkIndex: hop.linkIndex, table, scope, metric: LAST_METRIC }];
  });
}

function describe({ destination, gateway, linkIndex, table }: FullRoute, links: readonly Link[]): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  const name = links.find(({ index }) => index === linkIndex)?.name;
  return `${destination ?? "default"}${via}${name === undefined ? "" : ` dev ${name}`} of table ${table}`;
}

/** Whether a route of the kernel is one that would be told: what it makes for addresses is not. */
function isTold(route: KernelRoute): boolean {
  if (isLearned(route)) return false;
  const { protocol, type, table, destination } = route;
  if (protocol !== RTPROT.KERNEL) return true;
  if (table === LOCAL_TABLE || type !== RTN.UNICAST) return false;
  return destination !== "fe80::/64" && destination !== "ff00::/8";
}

/** A route of the kernel as it would be asked for. */
function asFull(route: KernelRoute): FullRoute {
  const { unknown: _, expires: __, ...known } = route;
  return {
    ...known,
    // The kernel shows v6 ones on the loopback.
    linkIndex: leadsNowhere(route) ? undefined : route.linkIndex,
    flags: route.flags & RTNH_F_ONLINK,
    hops: route.hops.map((hop) => ({ ...hop, flags: hop.flags & RTNH_F_ONLINK })),
  };
}

function keyOf(route: FullRoute): string {
  const { family, destination, from, gateway, source, linkIndex, hops, table, type, scope, tos } = route;
  const { protocol, flags, metric, metrics, preference } = route;
  const ways = hops.map((hop) => [hop.gateway, hop.linkIndex, hop.weight, hop.flags]);
  return JSON.stringify([
    ...[family, destination, from, gateway, source, linkIndex, ways, table, type, scope, tos],
    ...[protocol, flags, metric, [...metrics], preference],
  ]);
}
