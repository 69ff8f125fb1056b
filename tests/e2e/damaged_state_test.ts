import { ok, strictEqual } from "node:assert/strict";
import type { Node } from "../harness/mod.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { e2eOurs, services, useNode } from "./fixture.ts";
import { assertNewContainerWorks } from "./numbered_lines.ts";

const node = useNode();

/** What may become of a state's file while its service runs; the journal goes with it. */
const DAMAGES: Readonly<Record<string, (path: string) => void>> = {
  "full of garbage": (path) => Deno.writeFileSync(path, new Uint8Array(8192).fill(0x55)),
  "cut off": (path) => Deno.truncateSync(path, 1000),
  "removed": (path) => Deno.removeSync(path),
};

/** How often a service has said that it takes its state from the copy. */
function linesOf(node: Node, service: string): number {
  const lines = node.logTail(2_000);
  return lines.filter((line) => line.includes(` ${service} | `) && line.includes("taken from its copy"))
    .length;
}

async function waitForLine(node: Node, service: string, count: number): Promise<void> {
  for (const end = Date.now() + 60_000; linesOf(node, service) < count;) {
    ok(Date.now() < end, `${service} has not told what happened to its state`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

for (const [damage, apply] of Object.entries(DAMAGES)) {
  e2eOurs(`services whose state is ${damage} go on, and running pods with them`, node, async (node) => {
    const image = await node.image("busybox");
    const pod = await node.runPod({ name: "damaged" });
    const kept = await pod.run({ name: "kept", image, command: ["sleep", "1000"] });
    for (const service of services) {
      const path = `${node.runDir}/${service}/state.db`;
      const told = linesOf(node, service);
      apply(path);
      await Deno.remove(`${path}-wal`);
      await killAndWait(node, service);
      await waitForLine(node, service, told + 1);
      ok(await kept.isRunning());
      strictEqual((await kept.shell("echo here")).stdout, "here\n");
    }
    await assertNewContainerWorks(node, pod, "after");
    const second = await node.runPod({ name: "damaged-second" });
    await assertNewContainerWorks(node, second, "c");
    await second.remove();
    ok(await pod.isReady());
    await pod.remove();
  });
}
