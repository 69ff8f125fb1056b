import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { withNetns } from "../../lib/libc/mod.ts";
import { NEEDS_ROOT } from "../../services/network/testing/fixture.ts";
import { ipIn } from "./ip_view.ts";
import { compare, type Namespaces, withNamespaces } from "./two_namespaces.ts";

/** A veth pair between host and pod, with addresses of both families, as most plugins leave it. */
const PAIR = `
link add eth0 type veth peer name h0
link set eth0 address 02:00:00:00:00:02
link set h0 netns HOST
link set eth0 up
address add 10.1.0.2/24 dev eth0
-6 address add fd01::2/64 dev eth0 nodad
`;

/** Runs lines of `ip` in the pod's namespace. */
async function run({ pod, host }: Namespaces, script: string): Promise<void> {
  const ip = ipIn(pod);
  for (const line of script.trim().split("\n").filter(Boolean)) {
    await ip(line.trim().replace("HOST", host).split(/\s+/));
    const moved = /link set (\S+) netns HOST/.exec(line)?.[1];
    if (moved) await ipIn(host)(["link", "set", moved, "up"]);
  }
}

/** The kernel makes such an address when it has noticed that the link has a carrier. */
async function untilLinkLocal(netns: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await ipIn(netns)(["-6", "address", "show", "dev", "eth0", "scope", "link"])).includes("fe80:")) {
    if (Date.now() > end) throw new Error("Cannot see a link-local address");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Whatever plugins leave: lines of `ip` after {@link PAIR}. */
const NETWORKS: Record<string, string> = {
  "nothing but addresses": "",
  "one gateway": "route add default via 10.1.0.1\n-6 route add default via fd01::1",
  "what ptp leaves": `
    route del 10.1.0.0/24 dev eth0
    route add 10.1.0.1 dev eth0 src 10.1.0.2
    route add 10.1.0.0/24 via 10.1.0.1 src 10.1.0.2
    route add default via 10.1.0.1`,
  "a default without a gateway, v6 only": `
    address del 10.1.0.2/24 dev eth0
    -6 route add default dev eth0`,
  "defaults without gateways in both families": "route add default dev eth0\n-6 route add default dev eth0",
  "several defaults": `
    route add default via 10.1.0.1 metric 50
    route add default via 10.1.0.9 metric 100
    -6 route add default via fd01::1 metric 50
    -6 route add default via fd01::9 metric 100`,
  "the same destination more than once": `
    route add 10.50.0.0/16 via 10.1.0.1
    route append 10.50.0.0/16 via 10.1.0.9
    route append 10.50.0.0/16 via 10.1.0.8 metric 5`,
  "sources, scopes, protocols, types of service": `
    address add 10.1.0.3/24 dev eth0
    -6 address add fd01::3/64 dev eth0 nodad
    route add 10.2.0.0/16 via 10.1.0.1 src 10.1.0.3 proto static
    route add 10.3.0.0/16 dev eth0 scope global
    route add 10.4.0.0/16 tos 0x10 via 10.1.0.1
    -6 route add fd02::/64 via fd01::1 src fd01::3 proto bird pref high`,
  "on a link that has no such prefix": `
    route add 10.2.0.0/16 via 192.168.7.1 dev eth0 onlink
    route add 10.3.0.0/16 via inet6 fe80::1 dev eth0
    route add default via inet6 fd01::1 dev eth0
    -6 route add fd02::/64 via fe80::1 dev eth0`,
  "several ways": `
    route add 10.2.0.0/16 nexthop via 10.1.0.1 weight 3 nexthop via 10.1.0.9
    route add 10.3.0.0/16 nexthop via inet6 fe80::1 dev eth0 nexthop via 192.168.0.1 dev eth0 onlink
    -6 route add fd02::/64 nexthop via fd01::1 weight 2 nexthop via fd01::9`,
  "metrics of TCP, and locks": `
    route add 10.2.0.0/16 via 10.1.0.1 mtu lock 1300 advmss 1200 initcwnd 20 rtt 30ms
    -6 route add fd02::/64 via fd01::1 mtu 1300 hoplimit 9 quickack 1`,
  "ways to nowhere": `
    route add prohibit 10.5.0.0/16
    route add unreachable 10.6.0.0/16 metric 9
    route add blackhole 10.7.0.0/16
    route add throw 10.8.0.0/16
    -6 route add prohibit fd05::/64
    -6 route add unreachable fd06::/64
    -6 route add blackhole fd07::/64`,
  "local routes besides those of addresses":
    "route add local 10.9.0.0/16 dev lo\n-6 route add local fd09::/64 dev lo",
  "addresses on the loopback, labels, peers, lifetimes": `
    address add 10.99.0.1/32 dev lo
    -6 address add fd99::1/128 dev lo
    address add 10.1.0.7/24 broadcast 10.1.0.255 label eth0:seven dev eth0
    address add 10.77.0.1 peer 10.77.0.2/32 dev eth0
    address add 10.1.0.8/24 dev eth0 valid_lft 5000 preferred_lft 0
    address add 10.78.0.1/24 dev eth0 noprefixroute
    address add 10.79.0.1/24 dev eth0 metric 77 scope link
    -6 address add fd01::4/64 dev eth0 nodad noprefixroute
    -6 address add fd01::5/128 dev eth0 nodad preferred_lft 0
    -6 address add fe80::99/64 dev eth0 nodad`,
  "rules and tables": `
    route add default via 10.1.0.1 table 100
    route add 10.1.0.0/24 dev eth0 scope link table 100
    route add 10.3.0.0/16 via 10.1.0.9 table 1000
    -6 route add default via fd01::1 table 100
    -6 route add fd03::/64 via fd01::9 table 1000
    rule add from 10.1.0.2 table 100
    rule add to 10.2.0.0/16 lookup 1000 priority 7
    rule add fwmark 0x10/0xf0 iif eth0 table 100 priority 8
    rule add oif eth0 ipproto tcp dport 80-90 sport 1000 table 100 priority 9
    rule add uidrange 1000-2000 table main suppress_prefixlength 0 priority 10
    rule add not from 10.9.0.0/16 prohibit priority 11
    rule add tos 0x10 blackhole priority 12
    rule add iif none unreachable priority 13
    rule add goto 32766 priority 14
    rule add from all table 100 priority 15 protocol static
    -6 rule add from fd01::2 table 100
    -6 rule add fwmark 7 table 1000 priority 8
    rule del priority 32767`,
  "a rule before the local table": `
    rule add table local priority 100
    rule del priority 0
    -6 rule add table local priority 100
    -6 rule del priority 0`,
  "gateways whose own way is gone": `
    route add default via 10.1.0.1
    route add default via 10.1.0.1 table 100
    -6 route add default via fd01::1
    route del 10.1.0.0/24 dev eth0
    -6 route del fd01::/64 dev eth0`,
  "v6 by its source": "-6 route add fd03::/64 from fd01::2 dev eth0",
  "next hop objects": `
    nexthop add id 5 via 10.1.0.1 dev eth0
    nexthop add id 6 via 10.1.0.9 dev eth0
    nexthop add id 7 group 5/6,3
    route add 10.2.0.0/16 nhid 5
    route add 10.3.0.0/16 nhid 7`,
  "flags and names of links": `
    link set eth0 mtu 1400 promisc on allmulticast on txqueuelen 77 alias web
    link set eth0 group 7
    neigh add 10.1.0.1 lladdr 02:00:00:00:00:01 dev eth0
    -6 neigh add fd01::1 lladdr 02:00:00:00:00:01 dev eth0`,
  "two links, whose names are the guest's the other way round": `
    link set eth0 down
    link set eth0 name net1
    link set net1 up
    route add 10.44.0.0/16 via 10.1.0.1
    link add eth0 type veth peer name h1
    link set h1 netns HOST
    link set eth0 up
    address add 10.2.0.2/24 dev eth0
    route add default via 10.2.0.1
    route add 10.3.0.0/16 nexthop via 10.1.0.1 nexthop via 10.2.0.1`,
  "a link that is down, and one without an address": `
    link add net1 type veth peer name h1
    link set h1 netns HOST
    link add net2 type veth peer name h2
    link set h2 netns HOST
    link set net2 up`,
};

Deno.test(
  "a link-local address that is not made from the MAC is the guest's only one",
  NEEDS_ROOT,
  withNamespaces(async (namespaces) => {
    withNetns(
      namespaces.pod,
      () => Deno.writeTextFileSync("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "3"),
    );
    await run(namespaces, PAIR);
    await untilLinkLocal(namespaces.pod);
    const { guest, answer } = await compare(namespaces);
    const linkLocal = guest.filter((line) => line.startsWith("address of eth0") && line.includes('"fe80:'));
    strictEqual(linkLocal.length, 1);
    const [own] = answer.interfaces.find(({ name }) => name === "eth0")!.IPAddresses.filter(({ address }) =>
      address.startsWith("fe80:")
    );
    ok(linkLocal[0]!.includes(`"${own!.address}"`));
  }),
);

Deno.test(
  "a guest has the settings that somebody has changed in the pod's namespace, and no others",
  NEEDS_ROOT,
  withNamespaces(async (namespaces) => {
    await run(namespaces, PAIR);
    const settings = {
      "net/core/somaxconn": "2048",
      "net/ipv4/conf/eth0/arp_filter": "1",
      "net/ipv4/conf/all/rp_filter": "2",
      "net/ipv4/conf/default/log_martians": "1",
      "net/ipv4/ip_local_port_range": "20000\t30000",
      "net/ipv4/neigh/eth0/gc_stale_time": "77",
      "net/ipv6/conf/eth0/accept_ra": "0",
      "net/ipv6/conf/lo/hop_limit": "9",
    };
    withNetns(namespaces.pod, () => {
      for (const [path, value] of Object.entries(settings)) {
        Deno.writeTextFileSync(`/proc/sys/${path}`, value);
      }
    });
    const { answer } = await compare(namespaces);
    deepStrictEqual(answer.sysctls, settings);
    for (const [path, value] of Object.entries(settings)) {
      strictEqual(
        withNetns(namespaces.guest, () => Deno.readTextFileSync(`/proc/sys/${path}`).trim()),
        value,
      );
    }
  }),
);

/** What no guest can have: lines of `ip`, and what the refusal names. */
const REFUSED: Record<string, [script: string, message: RegExp]> = {
  "a bridge": ["link add br0 type bridge\nlink set br0 up", /the link br0: it is of the kind bridge/],
  "a port of a bridge that is down": [
    "link add br0 type bridge\nlink set eth0 master br0",
    /the link eth0: it belongs to the bridge br0/,
  ],
  "a tap": ["tuntap add mode tap name t0\nlink set t0 up", /the link t0: it is of the kind tun/],
};

for (const [name, [script, message]] of Object.entries(REFUSED)) {
  Deno.test(
    `a network with ${name} is refused, by its name`,
    NEEDS_ROOT,
    withNamespaces(async (namespaces) => {
      await run(namespaces, PAIR);
      await run(namespaces, script);
      await rejects(compare(namespaces), { code: "FAILED_PRECONDITION", message });
    }),
  );
}

Deno.test(
  "a network with more routes than a guest takes is refused",
  NEEDS_ROOT,
  withNamespaces(async (namespaces) => {
    await run(namespaces, PAIR);
    const batch = Array.from(
      { length: 4100 },
      (_, i) => `route add blackhole 10.${9 + (i >> 8)}.${i & 255}.0/24`,
    );
    const file = `${namespaces.directory}/batch`;
    Deno.writeTextFileSync(file, batch.join("\n"));
    await ipIn(namespaces.pod)(["-batch", file]);
    await rejects(compare(namespaces), {
      code: "FAILED_PRECONDITION",
      message: /a network with 410\d routes: at most 4096 are taken/,
    });
  }),
);

for (const [name, script] of Object.entries(NETWORKS)) {
  Deno.test(
    `a guest has the pod's network: ${name}`,
    NEEDS_ROOT,
    withNamespaces(async (namespaces) => {
      await run(namespaces, PAIR);
      await run(namespaces, script);
      const { pod, guest } = await compare(namespaces, { times: 2 });
      deepStrictEqual(guest, pod);
      ok(pod.some((line) => line.startsWith("route")));
    }),
  );
}
