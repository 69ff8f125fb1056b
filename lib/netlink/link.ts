import {
  decodeAttributes,
  encodeAttributes,
  nested,
  numberIn,
  raw,
  text,
  textIn,
  u32,
} from "./attributes.ts";
import { formatMac, parseMac } from "./ip.ts";
import { concat, type Netlink, type NetlinkRequest, NLM } from "./message.ts";

/** Flags of a link (linux/if.h). */
export const IFF = { UP: 0x1, LOOPBACK: 0x8, NOARP: 0x80, LOWER_UP: 0x10000 } as const;
/** Hardware types of links (linux/if_arp.h). */
export const ARPHRD = { ETHER: 1, LOOPBACK: 772 } as const;

/** A network link. */
export interface Link {
  index: number;
  name: string;
  /** `veth`, `tun`, `bridge`, …; empty for hardware and the loopback. */
  kind: string;
  /** One of {@link ARPHRD}. */
  hardwareType: number;
  /** Bits of {@link IFF}. */
  flags: number;
  mtu: number;
  /** Empty where the link has none. */
  mac: string;
  /** Index of the bridge or bond that it belongs to. */
  master: number | undefined;
}

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, MASTER: 10, LINKINFO: 18, NET_NS_FD: 28 };
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
const INFO_SIZE = 16;

/** All links of the namespace. */
export function listLinks(netlink: Netlink): Link[] {
  const request = { type: RTM_GETLINK, flags: NLM.DUMP, payload: linkInfo(0), action: "list links" };
  return netlink.dump(request).map(decodeLink);
}

/** Reads struct ifinfomsg and what follows it. */
export function decodeLink(payload: Uint8Array): Link {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(INFO_SIZE));
  const info = attributes.get(IFLA.LINKINFO);
  return {
    index: view.getInt32(4, true),
    name: textIn(attributes.get(IFLA.IFNAME)) ?? "",
    kind: info === undefined ? "" : textIn(decodeAttributes(info).get(IFLA_INFO_KIND)) ?? "",
    hardwareType: view.getUint16(2, true),
    flags: view.getUint32(8, true),
    mtu: numberIn(attributes.get(IFLA.MTU)) ?? 0,
    mac: formatMac(attributes.get(IFLA.ADDRESS) ?? new Uint8Array()),
    master: numberIn(attributes.get(IFLA.MASTER)),
  };
}

/** What {@link setLink} changes. */
export interface LinkChange {
  /** The kernel wants the link down for this. */
  name?: string;
  mtu?: number;
  mac?: string;
  up?: boolean;
  noArp?: boolean;
}

/** Changes a link: what is left out stays. @throws {Errno} */
export function setLink(
  netlink: Netlink,
  index: number,
  change: LinkChange,
): void {
  const attributes = [
    ...(change.name === undefined ? [] : [text(IFLA.IFNAME, change.name)]),
    ...(change.mtu === undefined ? [] : [u32(IFLA.MTU, change.mtu)]),
    ...(change.mac === undefined ? [] : [raw(IFLA.ADDRESS, parseMac(change.mac))]),
  ];
  const flags = (change.up ? IFF.UP : 0) | (change.noArp ? IFF.NOARP : 0);
  const mask = (change.up === undefined ? 0 : IFF.UP) | (change.noArp === undefined ? 0 : IFF.NOARP);
  netlink.execute({
    type: RTM_NEWLINK,
    flags: 0,
    payload: concat(linkInfo(index, { flags, mask }), encodeAttributes(attributes)),
    action: `change link ${index}`,
  });
}

/** Deletes a link. @throws {Errno} ENODEV when it is gone */
export function deleteLink(netlink: Netlink, index: number): void {
  netlink.execute({ type: RTM_DELLINK, flags: 0, payload: linkInfo(index), action: `delete link ${index}` });
}

/** A pair of veth links; the peer may be made in another namespace. */
export interface VethOptions {
  name: string;
  mac?: string;
  mtu?: number;
  peer: { name: string; mac?: string; /** An open descriptor of the peer's namespace. */ netnsFd?: number };
}

/** Makes a pair of veth links. @throws {Errno} EEXIST when a name is taken */
export function addVeth(netlink: Netlink, options: VethOptions): void {
  netlink.execute(vethRequest(options));
}

/** The request of {@link addVeth}. */
export function vethRequest({ name, mac, mtu, peer }: VethOptions): NetlinkRequest {
  const common = mtu === undefined ? [] : [u32(IFLA.MTU, mtu)];
  const peerAttributes = [
    text(IFLA.IFNAME, peer.name),
    ...common,
    ...(peer.mac === undefined ? [] : [raw(IFLA.ADDRESS, parseMac(peer.mac))]),
    ...(peer.netnsFd === undefined ? [] : [u32(IFLA.NET_NS_FD, peer.netnsFd)]),
  ];
  const attributes = [
    text(IFLA.IFNAME, name),
    ...common,
    ...(mac === undefined ? [] : [raw(IFLA.ADDRESS, parseMac(mac))]),
    nested(IFLA.LINKINFO, [
      text(IFLA_INFO_KIND, "veth"),
      nested(IFLA_INFO_DATA, [raw(VETH_INFO_PEER, concat(linkInfo(0), encodeAttributes(peerAttributes)))]),
    ]),
  ];
  return {
    type: RTM_NEWLINK,
    flags: NLM.CREATE | NLM.EXCL,
    payload: concat(linkInfo(0), encodeAttributes(attributes)),
    action: `make the veth ${name}`,
  };
}

/** struct ifinfomsg. */
function linkInfo(index: number, { flags = 0, mask = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(INFO_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, mask, true);
  return bytes;
}
