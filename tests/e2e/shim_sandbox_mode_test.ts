/** containerd 1.7 in its sandbox mode: it calls the sandbox API of the shim, and no pod has a pause container. */
import { e2eOurs, useNode } from "./fixture.ts";
import { containerd17 } from "./containerd17.ts";
import { checkShimPod } from "./shim_pod.ts";

const node = useNode(() => containerd17("1.7-sandbox-mode"));

e2eOurs(
  "pods of containerd 1.7 in sandbox mode are pods like others",
  node,
  (node) => checkShimPod(node, node.handler, false),
);
