/** containerd 1.7, which knows no Sandbox API of others: every pod has a pause container. */
import { ok } from "node:assert/strict";
import { e2eOurs, useNode } from "./fixture.ts";
import { containerd17 } from "./containerd17.ts";
import { checkShimPod } from "./shim_pod.ts";

const node = useNode(() => containerd17("1.7"));

e2eOurs(
  "pods of containerd 1.7 are pods like others",
  node,
  (node) => checkShimPod(node, node.handler, true),
);

e2eOurs("two pods of containerd 1.7 run at once, one on the host's network", node, async (node) => {
  const pods = await Promise.all([
    node.runPod({ name: "one" }),
    node.runPod({ name: "two", hostNetwork: true }),
  ]);
  for (const pod of pods) ok(await pod.isReady());
  await Promise.all(pods.map((pod) => pod.remove()));
});
