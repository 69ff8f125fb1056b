import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { addNeighbour, type Link, listLinks, type Netlink, setLink } from "../../../lib/netlink/mod.ts";
import type { Interface, Neighbor, SetupSandboxRequest } from "../../../lib/proto/gen/grpc/sandbox.ts";
import { addAddresses, indexOf, makeLink, removeOthers, rename, setUpLink } from "./link.ts";
import { addLeftRoutes, fullRoute, replaceRoutes } from "./routes.ts";
import { replaceRules } from "./rules.ts";

/** The whole network of a pod. */
export type WholeNetwork = Pick<
  SetupSandboxRequest,
  "interfaces" | "routes" | "rules" | "neighbors" | "networkSysctls"
>;

/** What the kernel is reached by. */
export interface NetworkTools {
  /** Runs `work` with a netlink socket. */
  withNetlink<T>(work: (netlink: Netlink) => T): T;
  /** Finds the link that stands behind an interface, waiting for one that is being plugged in. @throws NOT_FOUND */
  findLink(wanted: Interface, ordinal: number): Promise<Link>;
  /** Sets `net/ipv4/conf/eth0/rp_filter`. @throws INVALID_ARGUMENT */
  setSysctl(path: string, value: string): void;
}

/** As many as the host sends at most, and a few more. */
const MAX = { interfaces: 128, routes: 8192, rules: 1024, neighbors: 2048, networkSysctls: 4096 } as const;
/** The link that a setting is of. */
const LINK_OF = /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\//;
/** How link-local addresses are made; 0, from the MAC, is what a link begins with. */
const GENERATION = (name: string) => `net/ipv6/conf/${name}/addr_gen_mode`;

/**
 * Makes the guest's network the pod's: what the kernel has besides goes. May be repeated.
 *
 * @throws {KuasarError} FAILED_PRECONDITION, INVALID_ARGUMENT or NOT_FOUND, naming what cannot be had
 */
export async function setUpWholeNetwork(network: WholeNetwork, tools: NetworkTools): Promise<void> {
  checkSize(network);
  const sysctls = Object.entries(network.networkSysctls);
  const names = new Set(network.interfaces.map(({ name }) => name));
  const linkOf = (path: string) => {
    const name = LINK_OF.exec(path)?.[1] ?? "";
    return names.has(name) ? name : "";
  };
  tools.withNetlink((netlink) => removeOthers(netlink, names));
  for (const [path, value] of sysctls) if (linkOf(path) === "") tools.setSysctl(path, value);
  for (const [at, wanted] of network.interfaces.entries()) {
    const link = wanted.madeByGuest
      ? tools.withNetlink((netlink) => made(netlink, wanted))
      : await tools.findLink(wanted, ordinalOf(network.interfaces, at));
    tools.withNetlink((netlink) => {
      if (!wanted.madeByGuest && wanted.name) rename(netlink, link, wanted.name);
      setUpLink(netlink, link.index, wanted);
    });
    for (const [path, value] of sysctls) if (linkOf(path) === wanted.name) tools.setSysctl(path, value);
    if (wanted.addressGeneration > 0) {
      tools.setSysctl(GENERATION(wanted.name), String(wanted.addressGeneration));
    }
    tools.withNetlink((netlink) => {
      addAddresses(netlink, link.index, wanted.IPAddresses, true);
      setLink(netlink, link.index, { up: !wanted.down });
    });
  }
  tools.withNetlink((netlink) => {
    const links = listLinks(netlink);
    addNeighbors(netlink, network.neighbors, links);
    const left = replaceRoutes(netlink, network.routes.map((route) => fullRoute(route, links)));
    replaceRules(netlink, network.rules);
    addLeftRoutes(netlink, left, links);
  });
}

/** Which one of the NICs with its MAC address an interface is. */
function ordinalOf(interfaces: readonly Interface[], at: number): number {
  const { hwAddr } = interfaces[at]!;
  return interfaces.slice(0, at).filter((one) => !one.madeByGuest && one.hwAddr === hwAddr).length;
}

function made(netlink: Netlink, wanted: Interface): Link {
  try {
    return makeLink(netlink, wanted);
  } catch (cause) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot give the guest the link ${wanted.name}: ${asKuasarError(cause).message}`,
      { cause },
    );
  }
}

/** Adds permanent neighbours. May be repeated. */
export function addNeighbors(netlink: Netlink, neighbors: readonly Neighbor[], links: readonly Link[]): void {
  for (const { address, device, hwAddr } of neighbors) {
    const linkIndex = indexOf(links, device);
    if (linkIndex === undefined || !address) {
      throw new KuasarError("INVALID_ARGUMENT", "Cannot add a neighbour without device or address");
    }
    addNeighbour(netlink, { linkIndex, address: address.address, mac: hwAddr });
  }
}

function checkSize(network: WholeNetwork): void {
  for (const key of Object.keys(MAX) as (keyof typeof MAX)[]) {
    const count = Object.keys(network[key]).length;
    if (count > MAX[key]) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set up ${count} ${key}: ${MAX[key]} are taken at most`,
      );
    }
  }
}
