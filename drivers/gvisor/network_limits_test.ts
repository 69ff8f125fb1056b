import { doesNotThrow, throws } from "node:assert/strict";
import { pinNewNetns, unpinNetns } from "../../lib/libc/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import { checkForGvisor, readNetwork } from "./network_limits.ts";

/** A pod's link, as ptp leaves it. */
const PAIR = `
link add eth0 type veth peer name peer0
link set eth0 up
link set peer0 up
address add 10.1.0.2/24 dev eth0
-6 address add fd01::2/64 dev eth0 nodad
route del 10.1.0.0/24 dev eth0
route add 10.1.0.1 dev eth0 src 10.1.0.2
route add 10.1.0.0/24 via 10.1.0.1 src 10.1.0.2
route add default via 10.1.0.1
-6 route add default via fd01::1`;

/** Lines of `ip` in addition, and what is said of them; nothing where all is well. */
const CASES: [script: string, message: string | undefined][] = [
  ["", undefined],
  ["route add 10.5.0.0/16 via 10.1.0.1 metric 7 advmss 1200", undefined],
  ["route add 10.5.0.0/16 via 10.9.9.9 dev eth0 onlink", undefined],
  ["rule add from 10.1.0.2 table 100", "policy rule 32765 (IPv4, table 100): its kernel has no rules"],
  ["-6 rule add fwmark 1 table 100 priority 9", "policy rule 9 (IPv6, table 100): its kernel has no rules"],
  ["rule del priority 32767", undefined],
  [
    "route add default via 10.1.0.1 metric 50",
    "route default via 10.1.0.1: its kernel has one route to a destination",
  ],
  ["-6 route replace default dev eth0", "route default: its kernel has no default without a gateway"],
  ["route add prohibit 10.5.0.0/16", "route 10.5.0.0/16: its kernel has no routes that lead nowhere"],
  [
    "route add 10.5.0.0/16 nexthop via 10.1.0.1 nexthop via 10.1.0.9 dev eth0 onlink",
    "route 10.5.0.0/16: its kernel has routes with one next hop",
  ],
  [
    "route add 10.5.0.0/16 via inet6 fe80::1 dev eth0",
    "route 10.5.0.0/16 via fe80::1: its kernel has gateways of the route's own family",
  ],
  [
    "route add 10.5.0.0/16 via 10.1.0.1 mtu lock 1300",
    "route 10.5.0.0/16 via 10.1.0.1: its kernel has no MTU of a route",
  ],
  [
    "address add 10.1.0.3/24 dev eth0 noprefixroute\nroute add 10.5.0.0/16 via 10.1.0.1 src 10.1.0.3",
    "route 10.5.0.0/16 via 10.1.0.1 src 10.1.0.3: its kernel has the first address of the link as a source",
  ],
];

for (const [script, message] of CASES) {
  Deno.test({
    name: `under gVisor ${message ? "cannot be had" : "is well"}: ${script || "what ptp leaves"}`,
    ignore: Deno.uid() !== 0,
    fn: () => {
      const directory = Deno.makeTempDirSync();
      const netns = `${directory}/netns`;
      pinNewNetns(netns);
      try {
        for (const line of `${PAIR}\n${script}`.trim().split("\n")) {
          const args = [`--net=${netns}`, "ip", ...line.split(" ")];
          const { success, stderr } = new Deno.Command("nsenter", { args }).outputSync();
          if (!success) throw new Error(`ip ${line}: ${new TextDecoder().decode(stderr)}`);
        }
        using netlink = new NetlinkSocket({ netns });
        const check = () => checkForGvisor(readNetwork(netlink));
        if (message === undefined) doesNotThrow(check);
        else {throws(check, {
            code: "FAILED_PRECONDITION",
            message: `Cannot give a pod under gVisor the ${message}`,
          });}
      } finally {
        unpinNetns(netns);
        Deno.removeSync(directory, { recursive: true });
      }
    },
  });
}
