import {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  numberIn,
  raw,
  textIn,
  u32,
} from "./attributes.ts";
import { FAMILY } from "./ip.ts";
import { concat, type Netlink, NLM } from "./message.ts";

/**
 * A policy rule as the kernel writes it: struct fib_rule_hdr and attributes. It names links, so that it means the same
 * in another namespace in which they have the same names.
 */
export type Rule = Uint8Array;

/** What a rule says, as far as anybody here needs to know. */
export interface RuleView {
  /** 2 for v4, 10 for v6. */
  family: number;
  /** The smallest comes first. */
  priority: number;
  table: number;
  /** Names of the links that packets come from or go to. */
  links: string[];
  /** Types of attributes (FRA_*) that a kernel of 6.12 does not understand: it would leave them out. */
  unknown: number[];
}

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;
const FRA = {
  IIFNAME: 3,
  PRIORITY: 6,
  TABLE: 15,
  OIFNAME: 17,
  PAD: 18,
  LAST_UNDERSTOOD: 24,
  SPORT_MASK: 28,
  DPORT_MASK: 29,
} as const;
/** What a mask of one port is: kernels from 6.15 on tell it, others know no masks. */
const WHOLE_PORT = 0xffff;
/** struct fib_rule_hdr: family, lengths, tos, table, two reserved, action, flags. */
const SIZE = 12;
const FLAGS_AT = 8;
/** The one flag that is asked for; others tell a state (a link that is not there). */
const INVERT = 2;

/** All policy rules of the namespace, v4 and v6, in the order in which they count. */
export function listRules(netlink: Netlink): Rule[] {
  const list = (family: number) =>
    netlink.dump({
      type: RTM_GETRULE,
      flags: NLM.DUMP,
      payload: ruleHead(family),
      action: "list policy rules",
    }).filter(({ 0: own }) => own === family);
  return [...list(FAMILY.V4), ...list(FAMILY.V6)].map(normalizeRule);
}

/**
 * The rule in one form, whatever kernel has written it: attributes in order, the priority always told, states left out.
 *
 * @throws {KuasarError} DATA_LOSS when lengths do not fit
 */
export function normalizeRule(rule: Rule): Rule {
  const head = rule.slice(0, SIZE);
  new DataView(head.buffer).setUint32(FLAGS_AT, ruleFlags(rule) & INVERT, true);
  const attributes = decodeAttributes(rule.subarray(SIZE));
  attributes.delete(FRA.PAD);
  for (const mask of [FRA.SPORT_MASK, FRA.DPORT_MASK]) {
    if (numberIn(attributes.get(mask)) === WHOLE_PORT) attributes.delete(mask);
  }
  // The kernel leaves out 0, and takes another one where none is told.
  if (!attributes.has(FRA.PRIORITY)) attributes.set(FRA.PRIORITY, u32(FRA.PRIORITY, 0).data);
  const sorted: Attribute[] = [...attributes].sort(([left], [right]) => left - right)
    .map(([type, data]) => raw(type, data));
  return concat(head, encodeAttributes(sorted));
}

/** @throws {RangeError} when it is shorter than its head */
export function viewRule(rule: Rule): RuleView {
  const attributes = decodeAttributes(rule.subarray(SIZE));
  ruleFlags(rule);
  return {
    family: rule[0]!,
    priority: numberIn(attributes.get(FRA.PRIORITY)) ?? 0,
    table: numberIn(attributes.get(FRA.TABLE)) ?? rule[4]!,
    links: [textIn(attributes.get(FRA.IIFNAME)), textIn(attributes.get(FRA.OIFNAME))].filter((name) =>
      name !== undefined
    ),
    unknown: [...attributes.keys()].filter((type) => type === 0 || type > FRA.LAST_UNDERSTOOD),
  };
}

/** The rules that every namespace begins with, in which packets look for a way even where a kernel knows no rules. */
const USUAL = new Set(["0 255", "32766 254", "32767 253"]);

/** Whether a rule is one that every namespace begins with: of the local, the main or the default table. */
export function isUsualRule({ priority, table }: RuleView): boolean {
  return USUAL.has(`${priority} ${table}`);
}

/** Adds a policy rule. @throws {Errno} EEXIST */
export function addRule(netlink: Netlink, rule: Rule): void {
  netlink.execute({
    type: RTM_NEWRULE,
    flags: NLM.CREATE | NLM.EXCL,
    payload: rule,
    action: `add the policy rule ${viewRule(rule).priority}`,
  });
}

/** Removes a policy rule. @throws {Errno} ENOENT when there is none */
export function deleteRule(netlink: Netlink, rule: Rule): void {
  netlink.execute({
    type: RTM_DELRULE,
    flags: 0,
    payload: rule,
    action: `remove the policy rule ${viewRule(rule).priority}`,
  });
}

function ruleHead(family: number): Uint8Array {
  const head = new Uint8Array(SIZE);
  head[0] = family;
  return head;
}

function ruleFlags(rule: Rule): number {
  return new DataView(rule.buffer, rule.byteOffset, rule.byteLength).getUint32(FLAGS_AT, true);
}
