/**
 * rtnetlink. Everything but `deno_socket.ts` is plain encoding and decoding without system calls; that file is
 * imported on its own.
 */
export {
  addAddress,
  type Address,
  type AddressOptions,
  decodeAddress,
  deleteAddress,
  listAddresses,
} from "./address.ts";
export {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  nested,
  numberIn,
  raw,
  text,
  textIn,
  u16,
  u32,
  u8,
} from "./attributes.ts";
export type { Acknowledgement } from "./acknowledgement.ts";
export { NetlinkExchange } from "./exchange.ts";
export {
  FAMILY,
  familyOf,
  formatIp,
  formatMac,
  isIp,
  isLinkLocalV6,
  isMac,
  parseIp,
  parseMac,
} from "./ip.ts";
export {
  addVeth,
  ARPHRD,
  decodeLink,
  deleteLink,
  IFF,
  type Link,
  type LinkChange,
  listLinks,
  setLink,
  type VethOptions,
  vethRequest,
} from "./link.ts";
export { type Netlink, type NetlinkRequest } from "./message.ts";
export { addNeighbour, decodeNeighbour, listNeighbours, type Neighbour, NUD } from "./neighbour.ts";
export {
  addRoute,
  decodeRoute,
  deleteRoute,
  listRoutes,
  MAIN_TABLE,
  type NewRoute,
  type Route,
  RTN_UNICAST,
} from "./route.ts";
export {
  addIngressQdisc,
  addRedirect,
  decodeFilter,
  deleteFilters,
  deleteIngressQdisc,
  hasIngressQdisc,
  type IngressFilter,
  listIngressFilters,
} from "./traffic_control.ts";
