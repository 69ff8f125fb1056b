import { doesNotThrow, throws } from "node:assert/strict";
import { decodeRoute, encodeAttributes, raw, u32 } from "../../lib/netlink/mod.ts";
import { checkForGuest } from "./for_guest.ts";
import type { PodNetwork } from "./pod_network.ts";

const NOTHING: PodNetwork = { links: [], nics: [], routes: [], rules: [], neighbours: [] };

/** A fixed struct of 12 bytes that begins with a family, and attributes. */
const withHead = (...attributes: Parameters<typeof encodeAttributes>[0]) =>
  Uint8Array.from([2, ...new Array(11).fill(0), ...encodeAttributes(attributes)]);

Deno.test("a route of whose attributes one is not known is refused", () => {
  const route = (type: number) => decodeRoute(withHead(u32(15, 100), raw(type, new Uint8Array(4))));
  doesNotThrow(() => checkForGuest({ ...NOTHING, routes: [route(6)] }));
  throws(() => checkForGuest({ ...NOTHING, routes: [route(22)] }), {
    code: "FAILED_PRECONDITION",
    message: "Cannot give a guest the route default of table 100: attribute 22 of rtnetlink",
  });
});

Deno.test("a policy rule that a guest's kernel would read in part is refused", () => {
  const rule = (type: number) => withHead(u32(6, 77), raw(type, new Uint8Array(4)));
  doesNotThrow(() => checkForGuest({ ...NOTHING, rules: [rule(10)] }));
  throws(() => checkForGuest({ ...NOTHING, rules: [rule(25)] }), {
    code: "FAILED_PRECONDITION",
    message: "Cannot give a guest the policy rule 77: attribute 25 of rtnetlink",
  });
});

Deno.test("too many of a thing are refused, with their number", () => {
  throws(() => checkForGuest({ ...NOTHING, rules: new Array(600).fill(withHead()) }), {
    code: "FAILED_PRECONDITION",
    message: "Cannot give a guest a network with 600 rules: at most 512 are taken",
  });
});
