import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import {
  addRule,
  deleteRule,
  isUsualRule,
  listRules,
  type Netlink,
  normalizeRule,
  type Rule,
  viewRule,
} from "../../../lib/netlink/mod.ts";
import { EAFNOSUPPORT, EEXIST, ENOENT, EOPNOTSUPP, errnoOf, unless } from "./errno.ts";

/** A kernel of somebody's own without rules, or without v6. */
const UNKNOWN = [EAFNOSUPPORT, EOPNOTSUPP];

/**
 * Makes the policy rules those that are wanted: others go, after these have come, so that no packet falls between.
 *
 * @throws {KuasarError} FAILED_PRECONDITION, naming the rule
 */
export function replaceRules(netlink: Netlink, rules: readonly Rule[]): void {
  const wanted = rules.map(normalizeRule);
  const there = rulesOf(netlink);
  const keys = { wanted: new Set(wanted.map(keyOf)), there: new Set(there.map(keyOf)) };
  for (const rule of wanted) {
    if (keys.there.has(keyOf(rule))) continue;
    try {
      // Without rules a kernel does what those say that every namespace begins with.
      unless(isUsualRule(viewRule(rule)) ? [EEXIST, ...UNKNOWN] : [EEXIST], () => addRule(netlink, rule));
    } catch (cause) {
      const { family, priority, table } = viewRule(rule);
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot give the guest the policy rule ${priority} (IPv${family === 2 ? 4 : 6}, table ${table}): ` +
          asKuasarError(cause).message,
        { cause },
      );
    }
  }
  for (const rule of there) {
    if (!keys.wanted.has(keyOf(rule))) unless([ENOENT], () => deleteRule(netlink, rule));
  }
}

function rulesOf(netlink: Netlink): Rule[] {
  try {
    return listRules(netlink);
  } catch (error) {
    if (!UNKNOWN.includes(errnoOf(error) ?? 0)) throw error;
    return [];
  }
}

function keyOf(rule: Rule): string {
  return rule.join(",");
}
