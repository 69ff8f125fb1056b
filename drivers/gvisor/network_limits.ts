import { KuasarError } from "../../lib/errors/mod.ts";
import {
  type Address,
  decodeAttributes,
  FAMILY,
  isLearned,
  isUsualRule,
  listAddresses,
  listRoutes,
  listRules,
  MAIN_TABLE,
  type Netlink,
  type Route,
  RTN,
  type RuleView,
  viewRule,
} from "../../lib/netlink/mod.ts";

/** RTAX_MTU. */
const MTU = 2;

/** What a namespace has that gVisor's own network might not have. */
export interface NamespaceNetwork {
  addresses: readonly Address[];
  routes: readonly Route[];
  rules: readonly RuleView[];
}

/** Reads it. */
export function readNetwork(netlink: Netlink): NamespaceNetwork {
  return {
    addresses: listAddresses(netlink),
    routes: listRoutes(netlink),
    rules: listRules(netlink).map(viewRule),
  };
}

/**
 * Refuses a network that gVisor's kernel would have in part only. It knows one table, in which a route is a destination, a
 * link and a gateway; the routes that a runsc does not understand it leaves out or takes for others.
 *
 * @throws {KuasarError} FAILED_PRECONDITION, naming the rule or route
 */
export function checkForGvisor({ addresses, routes, rules }: NamespaceNetwork): void {
  for (const { family, priority, table } of rules.filter((rule) => !isUsualRule(rule))) {
    refuse(`the policy rule ${priority} (IPv${family === FAMILY.V4 ? 4 : 6}, table ${table})`, "no rules");
  }
  const destinations = new Set<string>();
  for (const route of routes.filter(isOfPod)) {
    const why = whyNot(route, addresses);
    if (why !== undefined) refuse(`the route ${describe(route)}`, why);
    const key = `${route.family} ${route.destination ?? "default"}`;
    if (destinations.has(key)) refuse(`the route ${describe(route)}`, "one route to a destination");
    destinations.add(key);
  }
}

/** Whether somebody has set a route in the table that counts; each link has those of the kernel. */
function isOfPod(route: Route): boolean {
  const { table, destination } = route;
  if (table !== MAIN_TABLE || isLearned(route)) return false;
  return destination === undefined || !/^(fe80|ff00)::\//.test(destination);
}

/** What gVisor has instead of something that a route says. */
function whyNot(route: Route, addresses: readonly Address[]): string | undefined {
  if (route.type !== RTN.UNICAST) return "no routes that lead nowhere";
  if (route.hops.length > 0) return "routes with one next hop";
  if (route.gateway === undefined && route.destination === undefined) return "no default without a gateway";
  if (route.gateway !== undefined && route.gateway.includes(":") !== (route.family === FAMILY.V6)) {
    return "gateways of the route's own family";
  }
  if (route.from !== undefined) return "no routes by source";
  if (route.tos !== 0) return "no routes by type of service";
  if (decodeAttributes(route.metrics).has(MTU)) return "no MTU of a route";
  if (route.unknown.length > 0) return `no attribute ${route.unknown[0]} of rtnetlink`;
  const own = addresses.find(({ linkIndex, family, isLinkLocal }) =>
    linkIndex === route.linkIndex && family === route.family && !isLinkLocal
  );
  if (route.source !== undefined && route.source !== own?.address) {
    return "the first address of the link as a source";
  }
  return undefined;
}

function describe({ destination, gateway, source }: Route): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  return `${destination ?? "default"}${via}${source === undefined ? "" : ` src ${source}`}`;
}

function refuse(what: string, has: string): never {
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot give a pod under gVisor ${what}: its kernel has ${has}`,
  );
}
