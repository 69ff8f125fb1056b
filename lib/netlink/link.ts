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
export const IFF = {
  UP: 0x1,
  LOOPBACK: 0x8,
  NOARP: 0x80,
  PROMISC: 0x100,
  ALLMULTI: 0x200,
  LOWER_UP: 0x10000,
} as const;
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
  /** Index of the bridge, bond or VRF that it belongs to. */
  master: number | undefined;
  /** Index of the link that it stands on, where that is in the same namespace. */
  below: number | undefined;
  /** Packets that may wait to be sent. */
  queueLength: number;
  group: number;
  /** A description, empty for none. */
  alias: string;
  /** What the kind has of its own (IFLA_INFO_DATA), as the kernel writes it. */
  data: Uint8Array;
}

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  TXQLEN: 13,
  LINKINFO: 18,
  IFALIAS: 20,
  GROUP: 27,
  NET_NS_FD: 28,
  LINK_NETNSID: 37,
} as const;
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
  const info = decodeAttributes(attributes.get(IFLA.LINKINFO) ?? new Uint8Array());
  const index = view.getInt32(4, true);
  const below = attributes.has(IFLA.LINK_NETNSID) ? undefined : numberIn(attributes.get(IFLA.LINK));
  return {
    index,
    name: textIn(attributes.get(IFLA.IFNAME)) ?? "",
    kind: textIn(info.get(IFLA_INFO_KIND)) ?? "",
    hardwareType: view.getUint16(2, true),
    flags: view.getUint32(8, true),
    mtu: numberIn(attributes.get(IFLA.MTU)) ?? 0,
    mac: formatMac(attributes.get(IFLA.ADDRESS) ?? new Uint8Array()),
    master: numberIn(attributes.get(IFLA.MASTER)),
    below: below === 0 || below === index ? undefined : below,
    queueLength: numberIn(attributes.get(IFLA.TXQLEN)) ?? 0,
    group: numberIn(attributes.get(IFLA.GROUP)) ?? 0,
    alias: textIn(attributes.get(IFLA.IFALIAS)) ?? "",
    data: (info.get(IFLA_INFO_DATA) ?? new Uint8Array()).slice(),
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
  promiscuous?: boolean;
  allMulticast?: boolean;
  /** Index of the bridge, bond or VRF that it is to belong to. */
  master?: number;
  queueLength?: number;
  group?: number;
  alias?: string;
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
    ...(change.master === undefined ? [] : [u32(IFLA.MASTER, change.master)]),
    ...(change.queueLength === undefined ? [] : [u32(IFLA.TXQLEN, change.queueLength)]),
    ...(change.group === undefined ? [] : [u32(IFLA.GROUP, change.group)]),
    ...(change.alias === undefined ? [] : [text(IFLA.IFALIAS, change.alias)]),
  ];
  const bits = [
    [IFF.UP, change.up],
    [IFF.NOARP, change.noArp],
    [IFF.PROMISC, change.promiscuous],
    [IFF.ALLMULTI, change.allMulticast],
  ] as const;
  const sum = (wanted: (value: boolean | undefined) => boolean) =>
    bits.reduce((flags, [bit, value]) => wanted(value) ? flags | bit : flags, 0);
  const flags = sum((value) => value === true);
  const mask = sum((value) => value !== undefined);
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

/** A link of a kind that needs no peer. */
export interface NewLink {
  name: string;
  /** `dummy`, `vrf`, `vlan`, … */
  kind: string;
  /** What the kind has of its own (IFLA_INFO_DATA), as the kernel writes it. */
  data: Uint8Array;
  mac?: string;
  mtu?: number;
  /** Index of the link that it stands on. */
  below?: number;
}

/** Makes a link. @throws {Errno} EEXIST when the name is taken, EOPNOTSUPP when the kernel has no such kind */
export function addLink(netlink: Netlink, { name, kind, data, mac, mtu, below }: NewLink): void {
  const attributes = [
    text(IFLA.IFNAME, name),
    ...(mtu === undefined ? [] : [u32(IFLA.MTU, mtu)]),
    ...(mac === undefined ? [] : [raw(IFLA.ADDRESS, parseMac(mac))]),
    ...(below === undefined ? [] : [u32(IFLA.LINK, below)]),
    nested(IFLA.LINKINFO, [
      text(IFLA_INFO_KIND, kind),
      ...(data.length === 0 ? [] : [raw(IFLA_INFO_DATA, data)]),
    ]),
  ];
  netlink.execute({
    type: RTM_NEWLINK,
    flags: NLM.CREATE | NLM.EXCL,
    payload: concat(linkInfo(0), encodeAttributes(attributes)),
    action: `make the link ${name} of kind ${kind}`,
  });
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
