/** gVisor's own network is what is in a pod's namespace, or the pod does not start. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { ShapedNetwork } from "./cni_shape.ts";
import { e2e, programsFor, useNode } from "./fixture.ts";

const network = new ShapedNetwork();
const handler = "kuasar-gvisor";

const node = useNode(async () => ({
  handler,
  programs: { ...await programsFor(handler), cniBinDir: network.programs().cniBinDir },
}));
Deno.test.afterAll(() => network.remove());

e2e("under gVisor a pod has the routes of its namespace, and packets pass", node, async (node) => {
  await network.use(node);
  const { v4, v6 } = network.gatewaysOf(node);
  network.shape("plain", { ip: `route add 10.44.0.0/16 via ${v4} dev eth0\nrule del priority 32767` });
  const pod = await node.runPod({ name: "plain" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  const { stdout } = await container.shell("ip -4 route; ip -6 route");
  const routes = [...stdout.matchAll(/^(\S+)(?: via (\S+))?.* dev eth0/gm)].map(([, to, via]) =>
    `${to} ${via ?? ""}`
  );
  const expected = [`10.44.0.0/16 ${v4}`, `default ${v4}`, `default ${v6}`];
  deepStrictEqual(expected.filter((route) => !routes.includes(route)), [], stdout);
  // gVisor lets nobody ping without a right of its own.
  const server = Deno.serve(
    { hostname: "::", port: 0, onListen: () => {} },
    () => new Response("from the host"),
  );
  try {
    for (const gateway of [v4, `[${v6}]`]) {
      const url = `http://${gateway}:${server.addr.port}/`;
      const { stdout, stderr } = await container.shell(
        `for i in 1 2 3 4 5 6; do wget -T 10 -q -O - ${url} && exit 0; sleep 1; done; exit 1`,
      );
      strictEqual(stdout, "from the host", stderr);
    }
  } finally {
    await server.shutdown();
  }
  await pod.remove();
});

e2e(
  "under gVisor a pod whose routes depend on their source does not start, and says why",
  node,
  async (node) => {
    await network.use(node);
    network.shape("source", { sbr: true });
    await rejects(
      node.runPod({ name: "source" }),
      /Cannot give a pod under gVisor the policy rule \d+ \(IPv4, table 100\): its kernel has no rules/,
    );
  },
);
