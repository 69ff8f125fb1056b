import { deepStrictEqual } from "node:assert/strict";
import { changesFrom } from "./sysctls.ts";

const before = new Map([
  ["net/core/somaxconn", "4096"],
  ["net/ipv4/conf/all/rp_filter", "0"],
  ["net/ipv4/conf/default/rp_filter", "2"],
  ["net/ipv4/neigh/lo/gc_stale_time", "60"],
]);

Deno.test("what a new namespace has too, and a new link in it, is no change", () => {
  const own = new Map([...before, ["net/ipv4/conf/eth0/rp_filter", "2"], [
    "net/ipv4/neigh/eth0/gc_stale_time",
    "60",
  ]]);
  deepStrictEqual(changesFrom(own, before, ["eth0"]), new Map());
});

Deno.test("changes are told, those of links that the guest does not have are not", () => {
  const changes: [string, string][] = [
    ["net/core/somaxconn", "128"],
    ["net/ipv4/conf/eth0/rp_filter", "1"],
    ["net/ipv4/neigh/eth0/gc_stale_time", "61"],
  ];
  const others: [string, string][] = [
    ["net/ipv4/conf/tap_kua_7/rp_filter", "1"],
    ["net/ipv6/conf/eth0/stable_secret", "1::"],
    ["net/ipv6/conf/eth0/mtu", "1400"],
  ];
  const own = new Map([...before, ...changes, ...others]);
  deepStrictEqual(changesFrom(own, before, ["eth0"]), new Map(changes));
});
