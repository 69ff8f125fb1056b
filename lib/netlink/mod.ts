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
  FOREVER,
  IFA_F,
  IFAPROT,
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
  addLink,
  addVeth,
  ARPHRD,
  decodeLink,
  deleteLink,
  IFF,
  type Link,
  type LinkChange,
  listLinks,
  type NewLink,
  setLink,
  type VethOptions,
  vethRequest,
} from "./link.ts";
export { type Netlink, type NetlinkRequest } from "./message.ts";
export { addNeighbour, decodeNeighbour, listNeighbours, type Neighbour, NUD } from "./neighbour.ts";
export type { NextHop } from "./next_hop.ts";
export {
  addRoute,
  appendRoute,
  decodeRoute,
  deleteRoute,
  isLearned,
  leadsNowhere,
  listRoutes,
  LOCAL_TABLE,
  MAIN_TABLE,
  type NewRoute,
  type Route,
  RTN,
  RTNH_F_ONLINK,
  RTPROT,
} from "./route.ts";
export {
  addRule,
  deleteRule,
  isUsualRule,
  listRules,
  normalizeRule,
  type Rule,
  type RuleView,
  viewRule,
} from "./rule.ts";
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
