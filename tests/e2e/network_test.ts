/** What is in a pod's namespace is what its containers have: iproute2 compares, and packets pass. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { Container, Node } from "../harness/mod.ts";
import { ipIn, ipView, type RunIp } from "../network/ip_view.ts";
import { IP_COMMAND, IPROUTE, ShapedNetwork } from "./cni_shape.ts";
import { e2e, e2eVm, handlerUnderTest, programsFor, useNode } from "./fixture.ts";

const network = new ShapedNetwork();
let iproute = "";

const node = useNode(async () => {
  iproute = await network.iproute();
  const { cniBinDir } = network.programs();
  return { programs: { ...await programsFor(handlerUnderTest()), cniBinDir } };
});
Deno.test.afterAll(() => network.remove());

/** Runs a pod with a container that has `ip`. */
async function podWithIp(node: Node, name: string) {
  await network.use(node);
  const pod = await node.runPod({ name });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "10000"],
    mounts: [{ hostPath: iproute, containerPath: IPROUTE, readonly: true }],
  });
  return { pod, container };
}

/** Runs `ip` in a container. */
function ipOf(container: Container): RunIp {
  return async (args) => {
    const { exitCode, stdout, stderr } = await container.exec([...IP_COMMAND, ...args]);
    strictEqual(exitCode, 0, stderr);
    return stdout;
  };
}

const PING = "ping -c 1 -W 5";

/** A packet may be lost while the other end finds out who is there. */
const pinging = (target: string) => `for i in 1 2 3 4 5 6; do ${PING} ${target} && exit 0; done; exit 1`;

e2e("a pod has the network of its namespace: tables, rules, ways, metrics, settings", node, async (node) => {
  const { v4, v6 } = network.gatewaysOf(node);
  network.shape("tables", {
    ip: `
      address add 10.99.0.1/32 dev lo
      -6 address add fd99::1/128 dev lo
      route del default
      route add default via ${v4} dev eth0 metric 50
      route add default via 10.98.0.1 dev eth0 onlink metric 100
      route add 10.44.0.0/16 via ${v4} mtu lock 1300 advmss 1200 src 10.99.0.1 proto static
      route add 10.45.0.0/16 via inet6 fe80::1 dev eth0
      route add 10.46.0.0/16 nexthop via ${v4} dev eth0 weight 3 nexthop via 10.98.0.1 dev eth0 onlink
      route add prohibit 10.55.0.0/16
      route add unreachable 10.56.0.0/16
      route add blackhole 10.57.0.0/16
      route add throw 10.58.0.0/16
      route add local 10.59.0.0/16 dev lo
      route add default via ${v4} dev eth0 table 100
      route add ${v4} dev eth0 table 1000
      rule add from 10.99.0.1 table 100
      rule add fwmark 7 table 1000 priority 9
      rule add to 10.60.0.0/16 prohibit priority 10
      -6 route del default
      -6 route add default dev eth0
      -6 route add fd44::/64 from fd99::1 dev eth0
      -6 route add fd45::/64 nexthop via ${v6} dev eth0 nexthop via fe80::9 dev eth0
      -6 route add default via ${v6} dev eth0 table 100
      -6 rule add from fd99::1 table 100
      neigh add 10.98.0.1 lladdr 02:00:00:00:00:98 dev eth0
    `,
  });
  const { pod, container } = await podWithIp(node, "tables");
  deepStrictEqual(await ipView(ipOf(container)), await ipView(ipIn(network.netnsOf("tables"))));
  const settings = "cd /proc/sys/net; cat core/somaxconn ipv4/conf/eth0/arp_filter ipv4/conf/eth0/rp_filter";
  strictEqual((await container.shell(settings)).stdout, "2048\n1\n2\n");
  for (const target of [v4, v6, "10.99.0.1", "10.59.7.7", "fd99::1"]) {
    const { exitCode, stdout, stderr } = await container.shell(pinging(target));
    strictEqual(exitCode, 0, stdout + stderr);
  }
  for (
    const [target, reason] of [["10.55.0.1", /denied|prohibited|permitted/i], [
      "10.56.0.1",
      /no route|unreachable/i,
    ]] as const
  ) {
    const { exitCode, stdout, stderr } = await container.shell(`${PING} ${target}`);
    ok(exitCode !== 0);
    match(stdout + stderr, reason);
  }
  await pod.remove();
});

e2e("a pod whose routes depend on their source (sbr), in both families", node, async (node) => {
  const { v4, v6 } = network.gatewaysOf(node);
  network.shape("source", { sbr: true });
  const { pod, container } = await podWithIp(node, "source");
  const view = await ipView(ipOf(container));
  deepStrictEqual(view, await ipView(ipIn(network.netnsOf("source"))));
  ok(view.some((line) => line.startsWith("rule") && line.includes('"100"')), view.join("\n"));
  const { stdout } = await container.shell("ip -o address show dev eth0 scope global");
  const own = [...stdout.matchAll(/inet6? ([^/ ]+)/g)].map(([, address]) => address!);
  strictEqual(own.length, 2);
  for (const address of own) {
    const target = address.includes(":") ? v6 : v4;
    const { exitCode, ...said } = await container.shell(pinging(`-I ${address} ${target}`));
    strictEqual(exitCode, 0, said.stdout + said.stderr);
  }
  await pod.remove();
});

e2e("a pod of v6 alone", node, async (node) => {
  const { v6 } = network.gatewaysOf(node);
  network.shape("six", { ip: "-4 address flush dev eth0" });
  const { pod, container } = await podWithIp(node, "six");
  deepStrictEqual(await ipView(ipOf(container)), await ipView(ipIn(network.netnsOf("six"))));
  strictEqual((await container.shell(pinging(v6))).exitCode, 0);
  await pod.remove();
});

e2eVm("a pod with a network that no guest can have does not start, and says why", node, async (node) => {
  await network.use(node);
  network.shape("bridge", { ip: "link add br0 type bridge\nlink set br0 up" });
  const start = node.runPod({ name: "bridge" });
  await rejects(start, /Cannot give a guest the link br0: it is of the kind bridge/);
});
