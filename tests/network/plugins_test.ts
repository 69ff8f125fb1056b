import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { NEEDS_ROOT } from "../../services/network/testing/fixture.ts";
import { addCni, type Plugin, staticIpam } from "./cni.ts";
import { ipIn } from "./ip_view.ts";
import { ping } from "./ping.ts";
import { compare, type Namespaces, withNamespaces } from "./two_namespaces.ts";

/** Both families, one of them, with the host's addresses as gateways. */
const DUAL = staticIpam([["10.1.0.2/24", "10.1.0.1"], ["fd01::2/64", "fd01::1"]]);
const V4 = staticIpam([["10.1.0.2/24", "10.1.0.1"]]);
const V6 = staticIpam([["fd01::2/64", "fd01::1"]]);
const SECOND = staticIpam([["10.2.0.2/24", "10.2.0.1"]]);

/** Chains of plugins for the pod's links. */
interface Case {
  /** Lines of `ip` in the host's namespace first. */
  host?: string;
  chains: [ifname: string, plugins: Plugin[]][];
  /** Addresses of the host that the guest reaches, with `-I` and an address of its own where that matters. */
  reaches?: string[][];
  /** A setting of the guest. */
  settings?: Record<string, string>;
  /** What is said where no guest can have it. */
  refused?: RegExp;
  /** A kind of links that the host's kernel must have. */
  needs?: string;
}

/** A link of the host that plugins put theirs on, and one at its other end that answers. */
const UPLINK = `
  link add up0 type veth peer name far0
  link set up0 up
  link set far0 up
  link add br-far type bridge
  link set far0 master br-far
  link set br-far up
  address add 10.1.0.1/24 dev br-far
  -6 address add fd01::1/64 dev br-far nodad`;

const CASES: Record<string, Case> = {
  "ptp": {
    chains: [["eth0", [{ type: "ptp", ipam: DUAL }]]],
    reaches: [["10.1.0.1"], ["fd01::1"]],
  },
  "ptp, v6 only": { chains: [["eth0", [{ type: "ptp", ipam: V6 }]]], reaches: [["fd01::1"]] },
  "bridge": {
    chains: [["eth0", [{ type: "bridge", bridge: "br0", isGateway: true, ipam: DUAL }]]],
    reaches: [["10.1.0.1"], ["fd01::1"]],
  },
  "bridge, v6 only": {
    chains: [["eth0", [{ type: "bridge", bridge: "br0", isGateway: true, ipam: V6 }]]],
    reaches: [["fd01::1"]],
  },
  "ptp, tuning": {
    chains: [["eth0", [{ type: "ptp", ipam: DUAL }, {
      type: "tuning",
      mac: "02:00:00:00:00:77",
      mtu: 1400,
      promisc: true,
      allmulti: true,
      txQLen: 55,
      sysctl: {
        "net.core.somaxconn": "2048",
        "net.ipv4.conf.IFNAME.arp_filter": "1",
        "net.ipv4.conf.IFNAME.rp_filter": "2",
      },
    }]]],
    reaches: [["10.1.0.1"], ["fd01::1"]],
    settings: {
      "net/core/somaxconn": "2048",
      "net/ipv4/conf/eth0/arp_filter": "1",
      "net/ipv4/conf/eth0/rp_filter": "2",
    },
  },
  "ptp, sbr": {
    chains: [["eth0", [{ type: "ptp", ipam: DUAL }, { type: "sbr" }]]],
    reaches: [["-I", "10.1.0.2", "10.1.0.1"], ["-I", "fd01::2", "fd01::1"]],
  },
  "ptp, bandwidth, tuning, sbr and a bridge beside it": {
    chains: [
      ["eth0", [{ type: "ptp", ipam: DUAL }, {
        type: "bandwidth",
        ingressRate: 100_000_000,
        ingressBurst: 10_000_000,
        egressRate: 100_000_000,
        egressBurst: 10_000_000,
      }]],
      ["net1", [
        { type: "bridge", bridge: "br1", isGateway: true, ipam: SECOND },
        { type: "tuning", sysctl: { "net.ipv4.conf.IFNAME.arp_announce": "2" } },
        { type: "sbr" },
      ]],
    ],
    reaches: [["10.1.0.1"], ["fd01::1"], ["-I", "10.2.0.2", "10.2.0.1"]],
    settings: { "net/ipv4/conf/net1/arp_announce": "2" },
    needs: "ifb",
  },
  "macvlan, tuning": {
    host: UPLINK,
    chains: [["eth0", [{ type: "macvlan", master: "up0", mode: "bridge", ipam: DUAL }, {
      type: "tuning",
      allmulti: true,
    }]]],
    reaches: [["10.1.0.1"], ["fd01::1"]],
    needs: "macvlan",
  },
  "host-device": {
    host: UPLINK,
    chains: [["eth0", [{ type: "host-device", device: "up0", ipam: DUAL }]]],
    reaches: [["10.1.0.1"], ["fd01::1"]],
  },
  "vlan": {
    host: UPLINK +
      "\nlink add link br-far name far.5 type vlan id 5\nlink set far.5 up\naddress add 10.5.0.1/24 dev far.5",
    chains: [["eth0", [{
      type: "vlan",
      master: "up0",
      vlanId: 5,
      ipam: staticIpam([["10.5.0.2/24", "10.5.0.1"]]),
    }]]],
    reaches: [["10.5.0.1"]],
    needs: "vlan",
  },
  "ipvlan": {
    host: UPLINK,
    chains: [["eth0", [{ type: "ipvlan", master: "up0", mode: "l2", ipam: DUAL }]]],
    reaches: [["10.1.0.1"], ["fd01::1"]],
    needs: "ipvlan",
  },
  "ipvlan of level 3": {
    host: UPLINK,
    chains: [["eth0", [{ type: "ipvlan", master: "up0", mode: "l3s", ipam: DUAL }]]],
    refused: /the link eth0: it is of the kind ipvlan/,
    needs: "ipvlan",
  },
  "ptp and dummy": {
    chains: [
      ["eth0", [{ type: "ptp", ipam: DUAL }]],
      ["net1", [{ type: "dummy", ipam: { type: "static", addresses: [{ address: "10.7.0.1/32" }] } }]],
    ],
    reaches: [["10.1.0.1"], ["10.7.0.1"]],
    needs: "dummy",
  },
  "ptp, vrf": {
    // In v4 alone: the plugin puts back a v6 route while its source is still tentative, which the kernel refuses.
    chains: [["eth0", [{ type: "ptp", ipam: V4 }, { type: "vrf", vrfname: "blue" }]]],
    reaches: [["-I", "blue", "10.1.0.1"]],
    needs: "vrf",
  },
  "tap": {
    chains: [["eth0", [{ type: "tap", ipam: DUAL }]]],
    refused: /the link eth0: it is of the kind tun/,
  },
  "loopback": { chains: [["lo", [{ type: "loopback" }]]] },
};

for (const [name, { host, chains, reaches = [], settings = {}, refused, needs }] of Object.entries(CASES)) {
  Deno.test(
    `a guest has what CNI plugins leave, and its packets pass: ${name}`,
    NEEDS_ROOT,
    withNamespaces(async (namespaces) => {
      const ip = ipIn(namespaces.host);
      if (needs && !await hasKind(namespaces, needs)) {
        return console.log(`not tried: the kernel of this host has no links of the kind ${needs}`);
      }
      for (const line of host?.trim().split("\n") ?? []) await ip(line.trim().split(/\s+/));
      for (const [ifname, plugins] of chains) await addCni(plugins, { ...namespaces, ifname });
      if (refused) {
        return await rejects(compare(namespaces), { code: "FAILED_PRECONDITION", message: refused });
      }
      const { pod, guest, answer } = await compare(namespaces, {
        then: async (netns) => {
          for (const target of reaches) await ping(netns, target);
        },
      });
      deepStrictEqual(guest, pod);
      for (const [path, value] of Object.entries(settings)) strictEqual(answer.sysctls[path], value);
      ok(pod.length > 0);
    }),
  );
}

async function hasKind({ guest }: Namespaces, kind: string): Promise<boolean> {
  const more = { vlan: ["id", "9"], vrf: ["table", "9"] }[kind] ?? [];
  const base = ["vlan", "macvlan", "ipvlan"].includes(kind) ? ["link", "probe0"] : [];
  const ip = ipIn(guest);
  if (base.length > 0) await ip(["link", "add", "probe0", "type", "veth", "peer", "name", "probe1"]);
  try {
    await ip(["link", "add", ...base, "name", "probe", "type", kind, ...more]);
    await ip(["link", "del", "probe"]);
    return true;
  } catch {
    return false;
  } finally {
    if (base.length > 0) await ip(["link", "del", "probe0"]);
  }
}
