import type { Link } from "../../../lib/netlink/mod.ts";
import type { Interface } from "../../../lib/proto/gen/grpc/sandbox.ts";

/**
 * The link that stands behind an interface: with its MAC address, else with its name. Several NICs may have one MAC address
 * (those of ipvlan and vlan have their parent's); they are in the order in which the host sends interfaces, and the kernel finds
 * them in that order too.
 *
 * @param ordinal of the interface among those with its MAC address
 */
export function matching(
  links: readonly Link[],
  { hwAddr, device, name }: Pick<Interface, "hwAddr" | "device" | "name">,
  ordinal = 0,
): Link | undefined {
  if (!hwAddr) return links.find((link) => link.name === (device || name));
  const same = links.filter((link) => link.mac === hwAddr.toLowerCase() && link.below === undefined);
  return same.sort((left, right) => left.index - right.index)[ordinal];
}
