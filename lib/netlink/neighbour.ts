import { decodeAttributes, encodeAttributes, raw } from "./attributes.ts";
import { familyOf, formatIp, formatMac, parseIp, parseMac } from "./ip.ts";
import { concat, type Netlink, NLM } from "./message.ts";

/** An entry of the ARP or neighbour discovery table. */
export interface Neighbour {
  linkIndex: number;
  /** 2 for v4, 10 for v6. */
  family: number;
  /** Bits of {@link NUD}. */
  state: number;
  address: string;
  mac: string;
}

/** States of a neighbour (linux/neighbour.h). */
export const NUD = { REACHABLE: 0x02, STALE: 0x04, NOARP: 0x40, PERMANENT: 0x80 } as const;

const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const NDA = { DST: 1, LLADDR: 2 };
const SIZE = 12;

/** All neighbours of the namespace that have an IP and a MAC address. */
export function listNeighbours(netlink: Netlink): Neighbour[] {
  const request = {
    type: RTM_GETNEIGH,
    flags: NLM.DUMP,
    payload: new Uint8Array(SIZE),
    action: "list neighbours",
  };
  return netlink.dump(request).map(decodeNeighbour).filter((neighbour) => neighbour !== undefined);
}

/** Reads struct ndmsg and what follows it; undefined without both addresses. */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(SIZE));
  const [address, mac] = [attributes.get(NDA.DST), attributes.get(NDA.LLADDR)];
  if (address === undefined || mac?.length !== 6) return undefined;
  return {
    linkIndex: view.getInt32(4, true),
    family: view.getUint8(0),
    state: view.getUint16(8, true),
    address: formatIp(address),
    mac: formatMac(mac),
  };
}

/** Adds a permanent neighbour, or changes the one with its address. @throws {Errno} */
export function addNeighbour(
  netlink: Netlink,
  neighbour: Pick<Neighbour, "linkIndex" | "address" | "mac">,
): void {
  const bytes = parseIp(neighbour.address);
  const head = new Uint8Array(SIZE);
  const view = new DataView(head.buffer);
  view.setUint8(0, familyOf(bytes));
  view.setInt32(4, neighbour.linkIndex, true);
  view.setUint16(8, NUD.PERMANENT, true);
  netlink.execute({
    type: RTM_NEWNEIGH,
    flags: NLM.CREATE | NLM.REPLACE,
    payload: concat(head, encodeAttributes([raw(NDA.DST, bytes), raw(NDA.LLADDR, parseMac(neighbour.mac))])),
    action: `add the neighbour ${neighbour.address}`,
  });
}
