import {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  numberIn,
  raw,
  text,
  textIn,
  u32,
} from "./attributes.ts";
import { familyOf, formatIp, isLinkLocalV6, parseIp } from "./ip.ts";
import { concat, type Netlink, NLM } from "./message.ts";

/** An address of a link. */
export interface Address {
  linkIndex: number;
  /** 2 for v4, 10 for v6. */
  family: number;
  address: string;
  prefixLength: number;
  isLinkLocal: boolean;
  /** On a point-to-point link the other end's. */
  peer: string | undefined;
  broadcast: string | undefined;
  /** v4 only: the link's name, or that with something after a colon. */
  label: string;
  /** RT_SCOPE_* */
  scope: number;
  /** Bits of {@link IFA_F}. */
  flags: number;
  /** Of the route to the prefix; 0 is the kernel's own choice. */
  metric: number;
  /** IFAPROT_*: who made it; 0 on kernels that do not tell. */
  protocol: number;
  /** Seconds until nobody should begin to use it, and until it is gone; {@link FOREVER} for never. */
  preferredS: number;
  validS: number;
}

/** Flags of an address (linux/if_addr.h). */
export const IFA_F = {
  SECONDARY: 0x01,
  NODAD: 0x02,
  OPTIMISTIC: 0x04,
  HOMEADDRESS: 0x10,
  PERMANENT: 0x80,
  MANAGETEMPADDR: 0x100,
  NOPREFIXROUTE: 0x200,
  MCAUTOJOIN: 0x400,
} as const;
/** IFAPROT_*: addresses that the kernel makes by itself: of the loopback, from routers, from the MAC. */
export const IFAPROT = { KERNEL_LO: 1, KERNEL_RA: 2, KERNEL_LL: 3 } as const;
/** A lifetime without an end. */
export const FOREVER = 0xffffffff;

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFA = {
  ADDRESS: 1,
  LOCAL: 2,
  LABEL: 3,
  BROADCAST: 4,
  CACHEINFO: 6,
  FLAGS: 8,
  RT_PRIORITY: 9,
  PROTO: 11,
} as const;
const SIZE = 8;

/** All addresses of the namespace, v4 and v6. */
export function listAddresses(netlink: Netlink): Address[] {
  const request = {
    type: RTM_GETADDR,
    flags: NLM.DUMP,
    payload: new Uint8Array(SIZE),
    action: "list addresses",
  };
  return netlink.dump(request).map(decodeAddress).filter((address) => address !== undefined);
}

/** Reads struct ifaddrmsg and what follows it; undefined for an entry without an address. */
export function decodeAddress(payload: Uint8Array): Address | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(SIZE));
  const [local, address] = [attributes.get(IFA.LOCAL), attributes.get(IFA.ADDRESS)];
  // On a point-to-point link ADDRESS is the peer's and LOCAL the own one.
  const bytes = local ?? address;
  if (bytes === undefined) return undefined;
  const own = formatIp(bytes);
  const peer = address === undefined ? own : formatIp(address);
  const broadcast = attributes.get(IFA.BROADCAST);
  const { preferredS, validS } = lifetimes(attributes.get(IFA.CACHEINFO));
  return {
    linkIndex: view.getUint32(4, true),
    family: view.getUint8(0),
    address: own,
    prefixLength: view.getUint8(1),
    isLinkLocal: isLinkLocalV6(bytes),
    peer: peer === own ? undefined : peer,
    broadcast: broadcast === undefined ? undefined : formatIp(broadcast),
    label: textIn(attributes.get(IFA.LABEL)) ?? "",
    scope: view.getUint8(3),
    flags: numberIn(attributes.get(IFA.FLAGS)) ?? view.getUint8(2),
    metric: numberIn(attributes.get(IFA.RT_PRIORITY)) ?? 0,
    protocol: numberIn(attributes.get(IFA.PROTO)) ?? 0,
    preferredS,
    validS,
  };
}

/** struct ifa_cacheinfo begins with the two lifetimes. */
function lifetimes(bytes: Uint8Array | undefined): Pick<Address, "preferredS" | "validS"> {
  if (bytes === undefined || bytes.length < 8) return { preferredS: FOREVER, validS: FOREVER };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { preferredS: view.getUint32(0, true), validS: view.getUint32(4, true) };
}

/** Options of {@link addAddress}. */
export interface AddressOptions {
  /**
   * Whether the kernel makes the route to the prefix by itself. Not wanted where all routes are known: a CNI plugin
   * such as ptp has removed that route on purpose. @default true
   */
  prefixRoute?: boolean;
  peer?: string | undefined;
  broadcast?: string | undefined;
  label?: string;
  scope?: number;
  /** Bits of {@link IFA_F} besides those that follow from the rest. */
  flags?: number;
  metric?: number;
  protocol?: number;
  /** @default forever */
  preferredS?: number;
  /** @default forever */
  validS?: number;
}

/**
 * Adds an address to a link, v6 without duplicate address detection.
 *
 * @throws {Errno} EEXIST when the link has it already
 */
export function addAddress(
  netlink: Netlink,
  linkIndex: number,
  address: string,
  prefixLength: number,
  options: AddressOptions = {},
): void {
  const { prefixRoute = true, flags = 0, ...more } = options;
  const own = (address.includes(":") ? IFA_F.NODAD : 0) | (prefixRoute ? 0 : IFA_F.NOPREFIXROUTE);
  netlink.execute({
    type: RTM_NEWADDR,
    flags: NLM.CREATE | NLM.EXCL,
    payload: addressMessage(linkIndex, address, prefixLength, { ...more, flags: flags | own }),
    action: `add ${address}/${prefixLength} to link ${linkIndex}`,
  });
}

/** Removes an address from a link. @throws {Errno} EADDRNOTAVAIL when the link does not have it */
export function deleteAddress(
  netlink: Netlink,
  linkIndex: number,
  address: string,
  prefixLength: number,
): void {
  netlink.execute({
    type: RTM_DELADDR,
    flags: 0,
    payload: addressMessage(linkIndex, address, prefixLength),
    action: `remove ${address}/${prefixLength} from link ${linkIndex}`,
  });
}

function addressMessage(
  linkIndex: number,
  address: string,
  prefixLength: number,
  options: AddressOptions = {},
): Uint8Array {
  const { flags = 0, preferredS = FOREVER, validS = FOREVER } = options;
  const bytes = parseIp(address);
  const head = new Uint8Array(SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, familyOf(bytes));
  view.setUint8(1, prefixLength);
  view.setUint8(3, options.scope ?? 0);
  view.setUint32(4, linkIndex, true);
  const attributes: Attribute[] = [
    raw(IFA.LOCAL, bytes),
    raw(IFA.ADDRESS, options.peer ? parseIp(options.peer) : bytes),
    u32(IFA.FLAGS, flags),
    ...(options.broadcast ? [raw(IFA.BROADCAST, parseIp(options.broadcast))] : []),
    ...(options.label ? [text(IFA.LABEL, options.label)] : []),
    ...(options.metric ? [u32(IFA.RT_PRIORITY, options.metric)] : []),
    ...(options.protocol ? [raw(IFA.PROTO, Uint8Array.of(options.protocol))] : []),
    ...(preferredS === FOREVER && validS === FOREVER
      ? []
      : [raw(IFA.CACHEINFO, cacheInfo(preferredS, validS))]),
  ];
  return concat(head, encodeAttributes(attributes));
}

function cacheInfo(preferredS: number, validS: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, preferredS, true);
  view.setUint32(4, validS, true);
  return bytes;
}
