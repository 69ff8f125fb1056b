import { deepStrictEqual, throws } from "node:assert/strict";
import { encodeAttributes, type Netlink, type NetlinkRequest, u32 } from "../../../lib/netlink/mod.ts";
import { EOPNOTSUPP } from "./errno.ts";
import { replaceRules } from "./rules.ts";

const rule = (family: number, priority: number, table: number) =>
  Uint8Array.from([
    ...[family, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
    ...encodeAttributes([u32(6, priority), u32(15, table)]),
  ]);
const USUAL = [2, 10].flatMap((family) => [rule(family, 0, 255), rule(family, 32766, 254)]);

/** A kernel that has these rules, or knows none. */
function kernel(rules: Uint8Array[] | undefined) {
  const asked: string[] = [];
  const refuse = () => {
    throw Object.assign(new Error("Operation not supported"), { errno: EOPNOTSUPP });
  };
  const netlink: Netlink = {
    dump: () => rules ?? refuse(),
    execute: ({ action }: NetlinkRequest) => void (rules ? asked.push(action) : refuse()),
  };
  return { netlink, asked };
}

Deno.test("rules that are wanted come before others go", () => {
  const { netlink, asked } = kernel([...USUAL, rule(2, 32767, 253)]);
  replaceRules(netlink, [...USUAL, rule(2, 100, 7)]);
  deepStrictEqual(asked, ["add the policy rule 100", "remove the policy rule 32767"]);
});

Deno.test("a kernel without rules does what every namespace begins with, and nothing else", () => {
  replaceRules(kernel(undefined).netlink, USUAL);
  throws(() => replaceRules(kernel(undefined).netlink, [...USUAL, rule(10, 100, 7)]), {
    code: "FAILED_PRECONDITION",
    message: "Cannot give the guest the policy rule 100 (IPv6, table 7): Operation not supported",
  });
});
