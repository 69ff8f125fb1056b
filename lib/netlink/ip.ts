import { KuasarError } from "../errors/mod.ts";

/** Address families as rtnetlink counts them. */
export const FAMILY = { UNSPEC: 0, V4: 2, V6: 10 } as const;

/**
 * An IP address as text: `10.1.2.3`, `fd00::1` (RFC 5952).
 *
 * @param bytes 4 or 16 bytes
 */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) {
    throw new KuasarError("DATA_LOSS", `Cannot read an IP address of ${bytes.length} bytes`);
  }
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!);
  const { start, length } = longestZeros(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/**
 * An IP address as bytes.
 *
 * @returns 4 or 16 bytes
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function parseIp(address: string): Uint8Array {
  const bytes = address.includes(":") ? parseV6(address) : parseV4(address);
  if (bytes === undefined) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot read the IP address ${JSON.stringify(address)}`);
  }
  return bytes;
}

/** Whether text is an IP address. */
export function isIp(address: string): boolean {
  return (address.includes(":") ? parseV6(address) : parseV4(address)) !== undefined;
}

function parseV4(address: string): Uint8Array | undefined {
  const parts = address.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function parseV6(address: string): Uint8Array | undefined {
  const halves = address.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : undefined;
  const gap = 16 - head.length - tail!.length;
  return gap < 2 ? undefined : Uint8Array.from([...head, ...new Array(gap).fill(0), ...tail!]);
}

/** Groups of an IPv6 address, the last of which may be an IPv4 address, as bytes. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (index === groups.length - 1 && group.includes(".")) {
      const v4 = parseV4(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** The family of an address in bytes. */
export function familyOf(bytes: Uint8Array): number {
  return bytes.length === 4 ? FAMILY.V4 : FAMILY.V6;
}

/** Whether an address is an IPv6 link-local one (fe80::/10). */
export function isLinkLocalV6(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

/** A MAC address as text, in lower case. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Whether a text is a MAC address, with colons. */
export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text);
}

/**
 * A MAC address as bytes.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function parseMac(mac: string): Uint8Array {
  if (!isMac(mac)) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot read the MAC address ${JSON.stringify(mac)}`);
  }
  return Uint8Array.from(mac.split(":"), (part) => parseInt(part, 16));
}
