import { decodeAttributes, encodeAttributes, raw, u32 } from "./attributes.ts";
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
}

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFA = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 };
const IFA_F_NODAD = 0x02;
const IFA_F_NOPREFIXROUTE = 0x200;
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
  // On a point-to-point link ADDRESS is the peer's and LOCAL the own one.
  const bytes = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  if (bytes === undefined) return undefined;
  return {
    linkIndex: view.getUint32(4, true),
    family: view.getUint8(0),
    address: formatIp(bytes),
    prefixLength: view.getUint8(1),
    isLinkLocal: isLinkLocalV6(bytes),
  };
}

/** Options of {@link addAddress}. */
export interface AddressOptions {
  /**
   * Whether the kernel makes the route to the prefix by itself. Not wanted where all routes are known: a CNI plugin
   * such as ptp has removed that route on purpose. @default true
   */
  prefixRoute?: boolean;
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
  { prefixRoute = true }: AddressOptions = {},
): void {
  const isV6 = address.includes(":");
  const flags = (isV6 ? IFA_F_NODAD : 0) | (prefixRoute ? 0 : IFA_F_NOPREFIXROUTE);
  netlink.execute({
    type: RTM_NEWADDR,
    flags: NLM.CREATE | NLM.EXCL,
    payload: addressMessage(linkIndex, address, prefixLength, flags),
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

function addressMessage(linkIndex: number, address: string, prefixLength: number, flags = 0): Uint8Array {
  const bytes = parseIp(address);
  const head = new Uint8Array(SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, familyOf(bytes));
  view.setUint8(1, prefixLength);
  view.setUint32(4, linkIndex, true);
  return concat(
    head,
    encodeAttributes([raw(IFA.LOCAL, bytes), raw(IFA.ADDRESS, bytes), u32(IFA.FLAGS, flags)]),
  );
}
