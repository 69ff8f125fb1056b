import { KuasarError } from "../../lib/errors/mod.ts";
import { type Route, viewRule } from "../../lib/netlink/mod.ts";
import type { PodNetwork } from "./pod_network.ts";

/** More than any pod has; each costs the start of a guest some time. */
const MAX = { links: 64, addresses: 1024, routes: 4096, rules: 512, neighbours: 1024 } as const;

/**
 * Refuses a network that a guest would have in part only: a pod that is ready has all of it.
 *
 * @throws {KuasarError} FAILED_PRECONDITION, naming what it is
 */
export function checkForGuest({ links, routes, rules, neighbours }: PodNetwork): void {
  const addresses = links.flatMap((link) => link.addresses);
  for (const [what, { length }] of Object.entries({ links, addresses, routes, rules, neighbours })) {
    const max = MAX[what as keyof typeof MAX];
    if (length > max) refuse(`a network with ${length} ${what}`, `at most ${max} are taken`);
  }
  for (const { name, kind, role, master } of links) {
    if (role === "refused") refuse(`the link ${name}`, `it is of the kind ${kind || "hardware"}`);
    const owner = links.find(({ index }) => index === master);
    if (role === "nic" && owner !== undefined && owner.kind !== "vrf") {
      refuse(`the link ${name}`, `it belongs to the ${owner.kind} ${owner.name}`);
    }
  }
  for (const route of routes) {
    const [attribute] = route.unknown;
    if (attribute !== undefined) {
      refuse(`the route ${describe(route)}`, `attribute ${attribute} of rtnetlink`);
    }
  }
  for (const { priority, unknown: [attribute] } of rules.map(viewRule)) {
    if (attribute !== undefined) refuse(`the policy rule ${priority}`, `attribute ${attribute} of rtnetlink`);
  }
}

function describe({ destination, gateway, table }: Route): string {
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  return `${destination ?? "default"}${via} of table ${table}`;
}

function refuse(what: string, why: string): never {
  throw new KuasarError("FAILED_PRECONDITION", `Cannot give a guest ${what}: ${why}`);
}
