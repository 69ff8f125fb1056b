import { strictEqual } from "node:assert/strict";
import type { Link } from "../../../lib/netlink/mod.ts";
import { matching } from "./matching.ts";

const link = (index: number, name: string, mac: string, below?: number): Link => ({
  ...{ index, name, mac, below, kind: "", hardwareType: 1, flags: 0, mtu: 1500, master: undefined },
  ...{ queueLength: 1000, group: 0, alias: "", data: new Uint8Array() },
});
const MAC = "02:00:00:00:00:02";
const wanted = (name: string, hwAddr = MAC.toUpperCase()) => ({ name, device: name, hwAddr });

Deno.test("a link is found by its MAC address whatever its name", () => {
  const links = [
    link(1, "lo", "00:00:00:00:00:00"),
    link(2, "eth0", "02:00:00:00:00:09"),
    link(3, "eth1", MAC),
  ];
  strictEqual(matching(links, wanted("eth0"))?.index, 3);
  strictEqual(matching(links, wanted("eth0", "02:00:00:00:00:77")), undefined);
  strictEqual(matching(links, wanted("lo", ""))?.index, 1);
});

Deno.test("of several with one MAC address the order counts, and not what stands on another", () => {
  const links = [link(4, "eth2", MAC), link(5, "eth0.7", MAC, 2), link(2, "eth0", MAC)];
  strictEqual(matching(links, wanted("eth0"), 0)?.index, 2);
  strictEqual(matching(links, wanted("net1"), 1)?.index, 4);
  strictEqual(matching(links, wanted("net2"), 2), undefined);
});
