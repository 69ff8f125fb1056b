import { formatIp, isMac, parseMac } from "../../lib/netlink/mod.ts";

/** The link-local v6 address that a kernel makes from a MAC address (RFC 4291, modified EUI-64). */
export function linkLocalOf(mac: string): string | undefined {
  if (!isMac(mac)) return undefined;
  const [first, ...rest] = parseMac(mac);
  const id = [first! ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  return formatIp(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...id));
}
