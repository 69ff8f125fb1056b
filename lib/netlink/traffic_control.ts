import { decodeAttributes, encodeAttributes, nested, raw, text, textIn } from "./attributes.ts";
import { concat, type Netlink, NLM } from "./message.ts";

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
/** The place of the ingress qdisc of a link. */
const INGRESS_PARENT = 0xfffffff1;
/** Its handle, `ffff:`. */
const INGRESS_HANDLE = 0xffff0000;
/** ETH_P_ALL in network byte order. */
const ALL_PROTOCOLS = 0x0300;
const TCMSG_SIZE = 20;

const TCA_U32_SEL = 5;
const TCA_U32_ACT = 7;
const TC_U32_TERMINAL = 1;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_MIRRED_PARMS = 2;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;
const MIRRED_SIZE = 28;

/** Gives a link an ingress qdisc, to which filters can be attached. @throws {Errno} EEXIST when it has one */
export function addIngressQdisc(netlink: Netlink, linkIndex: number): void {
  netlink.execute({
    type: RTM_NEWQDISC,
    flags: NLM.CREATE | NLM.EXCL,
    payload: concat(
      trafficMessage(linkIndex, INGRESS_PARENT, { handle: INGRESS_HANDLE }),
      encodeAttributes([text(TCA_KIND, "ingress")]),
    ),
    action: `add an ingress qdisc to link ${linkIndex}`,
  });
}

/** Removes the ingress qdisc with its filters. @throws {Errno} EINVAL or ENOENT when there is none */
export function deleteIngressQdisc(netlink: Netlink, linkIndex: number): void {
  netlink.execute({
    type: RTM_DELQDISC,
    flags: 0,
    payload: trafficMessage(linkIndex, INGRESS_PARENT, { handle: INGRESS_HANDLE }),
    action: `remove the ingress qdisc of link ${linkIndex}`,
  });
}

/** Whether a link has an ingress qdisc (also a clsact one, whose handle is the same). */
export function hasIngressQdisc(netlink: Netlink, linkIndex: number): boolean {
  const request = {
    type: RTM_GETQDISC,
    flags: NLM.DUMP,
    payload: trafficMessage(linkIndex, 0),
    action: `list the qdiscs of link ${linkIndex}`,
  };
  return netlink.dump(request).some((payload) => {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    return view.getInt32(4, true) === linkIndex && view.getUint32(12, true) === INGRESS_PARENT;
  });
}

/** A filter on the ingress of a link. */
export interface IngressFilter {
  kind: string;
  /** Filters of a lower number are asked first. */
  priority: number;
  /** The link to which it redirects everything, when it is one of ours. */
  redirectTo: number | undefined;
}

/**
 * Sends everything that comes in on a link out of another one, before the own network stack sees it.
 *
 * A u32 filter that matches all, with a mirred action: the pair that every kernel build has, other than
 * matchall and flower.
 *
 * @throws {Errno} EEXIST
 */
export function addRedirect(netlink: Netlink, fromIndex: number, toIndex: number, priority: number): void {
  netlink.execute({
    type: RTM_NEWTFILTER,
    flags: NLM.CREATE | NLM.EXCL,
    payload: concat(
      trafficMessage(fromIndex, INGRESS_HANDLE, { info: filterInfo(priority) }),
      encodeAttributes([
        text(TCA_KIND, "u32"),
        nested(TCA_OPTIONS, [
          raw(TCA_U32_SEL, matchAll()),
          nested(TCA_U32_ACT, [
            nested(1, [
              text(TCA_ACT_KIND, "mirred"),
              nested(TCA_ACT_OPTIONS, [raw(TCA_MIRRED_PARMS, redirectTo(toIndex))]),
            ]),
          ]),
        ]),
      ]),
    ),
    action: `redirect link ${fromIndex} to link ${toIndex}`,
  });
}

/** Removes all ingress filters of a priority. @throws {Errno} ENOENT or EINVAL when there is none */
export function deleteFilters(netlink: Netlink, linkIndex: number, priority: number): void {
  netlink.execute({
    type: RTM_DELTFILTER,
    flags: 0,
    payload: trafficMessage(linkIndex, INGRESS_HANDLE, { info: filterInfo(priority) }),
    action: `remove the redirect of link ${linkIndex}`,
  });
}

/** The filters on the ingress of a link; the hash tables that u32 lists besides them are left out. */
export function listIngressFilters(netlink: Netlink, linkIndex: number): IngressFilter[] {
  const request = {
    type: RTM_GETTFILTER,
    flags: NLM.DUMP,
    payload: trafficMessage(linkIndex, INGRESS_HANDLE),
    action: `list the filters of link ${linkIndex}`,
  };
  return netlink.dump(request).map(decodeFilter).filter((filter) => filter !== undefined);
}

/** Reads struct tcmsg of a filter and what follows it; undefined for a hash table. */
export function decodeFilter(payload: Uint8Array): IngressFilter | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = decodeAttributes(payload.subarray(TCMSG_SIZE));
  const kind = textIn(attributes.get(TCA_KIND)) ?? "";
  const options = decodeAttributes(attributes.get(TCA_OPTIONS) ?? new Uint8Array());
  if (kind === "u32" && !options.has(TCA_U32_SEL)) return undefined;
  return { kind, priority: view.getUint32(16, true) >>> 16, redirectTo: redirectTarget(options) };
}

function redirectTarget(options: Map<number, Uint8Array>): number | undefined {
  const actions = options.get(TCA_U32_ACT);
  if (actions === undefined) return undefined;
  for (const action of decodeAttributes(actions).values()) {
    const parts = decodeAttributes(action);
    const parameters = decodeAttributes(parts.get(TCA_ACT_OPTIONS) ?? new Uint8Array()).get(TCA_MIRRED_PARMS);
    if (textIn(parts.get(TCA_ACT_KIND)) !== "mirred" || parameters?.length !== MIRRED_SIZE) continue;
    const view = new DataView(parameters.buffer, parameters.byteOffset, parameters.byteLength);
    if (view.getInt32(20, true) === TCA_EGRESS_REDIR) return view.getUint32(24, true);
  }
  return undefined;
}

/** struct tc_u32_sel with one key whose mask is empty. */
function matchAll(): Uint8Array {
  const bytes = new Uint8Array(16 + 16);
  bytes[0] = TC_U32_TERMINAL;
  bytes[2] = 1; // number of keys
  return bytes;
}

/** struct tc_mirred. */
function redirectTo(linkIndex: number): Uint8Array {
  const bytes = new Uint8Array(MIRRED_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, TC_ACT_STOLEN, true);
  view.setInt32(20, TCA_EGRESS_REDIR, true);
  view.setUint32(24, linkIndex, true);
  return bytes;
}

function filterInfo(priority: number): number {
  return ((priority << 16) | ALL_PROTOCOLS) >>> 0;
}

/** struct tcmsg. */
function trafficMessage(linkIndex: number, parent: number, { handle = 0, info = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(TCMSG_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, linkIndex, true);
  view.setUint32(8, handle, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return bytes;
}
