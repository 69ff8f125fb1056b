import { align4, type Attribute, decodeAttributes, encodeAttributes } from "./attributes.ts";
import { formatIp, parseIp } from "./ip.ts";

/** One of several ways that a route goes. */
export interface NextHop {
  /** Of either family. */
  gateway: string | undefined;
  linkIndex: number;
  /** 1 to 256: its share among the others. */
  weight: number;
  /** RTNH_F_* */
  flags: number;
}

const RTA_GATEWAY = 5;
const RTA_VIA = 18;
/** struct rtnexthop: length, flags, weight - 1, link index. */
const SIZE = 8;

/** Reads the next hops in an attribute RTA_MULTIPATH, and which of their own attributes are not understood. */
export function decodeNextHops(bytes: Uint8Array = new Uint8Array()): { hops: NextHop[]; unknown: number[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hops: NextHop[] = [];
  const unknown: number[] = [];
  for (let at = 0; at + SIZE <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < SIZE || at + length > bytes.length) break;
    const attributes = decodeAttributes(bytes.subarray(at + SIZE, at + length));
    const gateway = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
    unknown.push(...[...attributes.keys()].filter((type) => type !== RTA_GATEWAY && type !== RTA_VIA));
    hops.push({
      gateway: gateway === undefined ? undefined : formatIp(gateway),
      linkIndex: view.getInt32(at + 4, true),
      weight: view.getUint8(at + 3) + 1,
      flags: view.getUint8(at + 2),
    });
    at += align4(length);
  }
  return { hops, unknown };
}

/** The value of an attribute RTA_MULTIPATH. @param attributeOf makes the attribute of a gateway */
export function encodeNextHops(
  hops: readonly NextHop[],
  attributeOf: (gateway: Uint8Array) => Attribute,
): Uint8Array {
  return Uint8Array.from(hops.flatMap(({ gateway, linkIndex, weight, flags }) => {
    const attributes = encodeAttributes(gateway === undefined ? [] : [attributeOf(parseIp(gateway))]);
    const head = new Uint8Array(SIZE);
    const view = new DataView(head.buffer);
    view.setUint16(0, SIZE + attributes.length, true);
    view.setUint8(2, flags);
    view.setUint8(3, weight - 1);
    view.setInt32(4, linkIndex, true);
    return [...head, ...attributes];
  }));
}
