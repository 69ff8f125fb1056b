import { decodeAttributes, encodeAttributes, raw } from "./attributes.ts";
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
const IFA = { ADDRESS: 1, LOCAL: 2 };
const IFA_F_NODAD = 0x02;
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

/**
 * Adds an address to a link, v6 without duplicate address detection.
 *
 * @throws {Errno} EEXIST when the link has it already
 */
export function addAddress(netlink: Netlink, linkIndex: number, address: string, prefixLength: number): void {
  netlink.execute({
    type: RTM_NEWADDR,
    flags: NLM.CREATE | NLM.EXCL,
    payload: addressMessage(linkIndex, address, prefixLength),
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

function addressMessage(linkIndex: number, address: string, prefixLength: number): Uint8Array {
  const bytes = parseIp(address);
  const head = new Uint8Array(SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, familyOf(bytes));
  view.setUint8(1, prefixLength);
  view.setUint8(2, bytes.length === 16 ? IFA_F_NODAD : 0);
  view.setUint32(4, linkIndex, true);
  return concat(head, encodeAttributes([raw(IFA.LOCAL, bytes), raw(IFA.ADDRESS, bytes)]));
}
