import { ARPHRD, decodeAttributes, IFF, type Link, numberIn } from "../../lib/netlink/mod.ts";
import { TAP_PREFIX } from "./tap.ts";

/**
 * What becomes of a link of the pod's namespace: the guest has a NIC for it, or makes it itself, or has one anyway; nobody
 * uses it; or it is one that a guest cannot have.
 */
export type LinkRole = "nic" | "made" | "loopback" | "unused" | "refused";

/** Kinds of links without a way out of the namespace, which a guest makes as well as anybody. */
const WITHOUT_WAY_OUT = new Set(["dummy", "vrf"]);
/** Kinds of links that a guest makes where they stand on another link of the pod. */
const ON_ANOTHER = new Set(["vlan", "macvlan"]);
/** Kinds of Ethernet links that pass packets on within the namespace, or to a program there. */
const INWARD = new Set(["bridge", "bond", "team", "ifb", "tun", "wireguard", "ipvlan"]);
/** Modes of ipvlan (IFLA_IPVLAN_MODE): in those but the first packets come in without passing the link's ingress. */
const IPVLAN_MODE = 1;
const IPVLAN_L2 = 0;

/** @param hasAddress of those that somebody has set */
export function roleOf(link: Link, hasAddress: boolean): LinkRole {
  if (link.flags & IFF.LOOPBACK) return "loopback";
  if (link.name.startsWith(TAP_PREFIX)) return "unused";
  if (link.kind !== "veth" && !hasAddress && !(link.flags & IFF.UP)) return "unused";
  if (WITHOUT_WAY_OUT.has(link.kind)) return "made";
  if (link.below !== undefined && ON_ANOTHER.has(link.kind)) return "made";
  if (link.kind === "ipvlan" && link.below === undefined) {
    return numberIn(decodeAttributes(link.data).get(IPVLAN_MODE)) === IPVLAN_L2 ? "nic" : "refused";
  }
  return link.hardwareType === ARPHRD.ETHER && !INWARD.has(link.kind) ? "nic" : "refused";
}
