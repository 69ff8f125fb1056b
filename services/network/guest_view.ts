import { FAMILY, IFF } from "../../lib/netlink/mod.ts";
import { type Interface, IPFamily, type Neighbor, type Route } from "../../lib/proto/gen/grpc/sandbox.ts";
import type { PodNetwork } from "./pod_network.ts";

const RTNH_F_ONLINK = 4;

/** The pod's network as the guest's `SetupSandbox` takes it. */
export interface GuestView {
  interfaces: Interface[];
  /**
   * The whole main table: the guest adds its addresses without the routes that the kernel would make for them.
   * Routes without a gateway come first, since the others need them.
   */
  routes: Route[];
  neighbors: Neighbor[];
}

/** Translates what is in the namespace into what the guest sets up. The link's MAC tells the guest which NIC is meant. */
export function guestView({ links, routes, neighbours }: PodNetwork): GuestView {
  const direct = routes.filter(({ gateway }) => gateway === undefined);
  const viaGateway = routes.filter(({ gateway }) => gateway !== undefined);
  return {
    interfaces: links.map((link) => ({
      device: link.name,
      name: link.name,
      IPAddresses: link.addresses.map(({ family, address, prefixLength }) => ({
        family: familyOf(family),
        address,
        mask: String(prefixLength),
      })),
      mtu: BigInt(link.mtu),
      hwAddr: link.mac,
      type: link.kind,
      // Others tell a state (a carrier, which comes some time after the link is up) or follow from the kind.
      rawFlags: link.flags & IFF.NOARP,
    })),
    routes: [...direct, ...viaGateway].map((route) => ({
      dest: route.destination ?? "",
      gateway: route.gateway ?? "",
      device: route.linkName,
      source: route.source ?? "",
      scope: route.scope,
      family: familyOf(route.family),
      // Others tell a state (no carrier, offloaded) and are refused in a request.
      flags: route.flags & RTNH_F_ONLINK,
    })),
    neighbors: neighbours.map((neighbour) => ({
      address: { family: familyOf(neighbour.family), address: neighbour.address, mask: "" },
      device: neighbour.linkName,
      hwAddr: neighbour.mac,
      state: neighbour.state,
    })),
  };
}

function familyOf(family: number): IPFamily {
  return family === FAMILY.V6 ? IPFamily.v6 : IPFamily.v4;
}
