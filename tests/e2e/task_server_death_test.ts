/** What is left of containers on the host's own kernel when the task server, or its keeper too, is killed. */
import { ok, strictEqual } from "node:assert/strict";
import { Status, TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import { connectUnix } from "../../lib/transport/mod.ts";
import { type Node, type Pod, TASK_SERVER } from "../harness/mod.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { e2eHost, useNode } from "./fixture.ts";

const node = useNode();

/** What the task server itself says of a container: containerd gives up one whose connection has dropped. */
async function stateOf(node: Node, id: string, execId = "") {
  const client = new TtrpcClient(await connectUnix(`${node.runDir}/task.sock`, { timeoutMs: 10_000 }));
  try {
    return await createClient(TaskDefinition, client, { timeoutMs: 10_000 }).state({ id, execId });
  } finally {
    client.close();
  }
}

async function exitOf(node: Node, id: string): Promise<number> {
  const client = new TtrpcClient(await connectUnix(`${node.runDir}/task.sock`, { timeoutMs: 10_000 }));
  try {
    const task = createClient(TaskDefinition, client, { timeoutMs: 30_000 });
    return (await task.wait({ id, execId: "" })).exitStatus;
  } finally {
    client.close();
  }
}

async function run(node: Node, pod: Pod, name: string, script: string) {
  return await pod.run({ name, image: await node.image("busybox"), command: ["sh", "-c", script] });
}

for (const victim of [TASK_SERVER, "kuasar-task"]) {
  e2eHost(
    `containers outlive kill -9 of ${victim}, and how they end is told by the next one`,
    node,
    async (node) => {
      const pod = await node.runPod({ name: `death-${victim}` });
      const file = `/tmp/go`;
      const wait = `while [ ! -e ${file} ]; do sleep 0.05; done`;
      const later = await run(node, pod, "later", `${wait}; exit 42`);
      const killed = await run(node, pod, "killed", "exec sleep 1000");
      const before = await stateOf(node, later.id);
      strictEqual(before.status, Status.RUNNING);
      await killAndWait(node, victim);
      const after = await stateOf(node, later.id);
      strictEqual(after.status, Status.RUNNING);
      strictEqual(after.pid, before.pid, "the pid is the init's own");
      // It ends while a server watches it that is not its parent.
      await Deno.writeTextFile(`/proc/${after.pid}/root${file}`, "");
      strictEqual(await exitOf(node, later.id), 42);
      Deno.kill((await stateOf(node, killed.id)).pid, "SIGKILL");
      strictEqual(await exitOf(node, killed.id), 137);
      // And once more: what is known of an end is still known.
      await killAndWait(node, victim);
      strictEqual((await stateOf(node, later.id)).exitStatus, 42);
      strictEqual((await stateOf(node, killed.id)).exitStatus, 137);
      await later.waitForExit();
      await killed.waitForExit();
      await pod.remove();
    },
  );
}

e2eHost("a container that ends while no task server runs has its exit code", node, async (node) => {
  const pod = await node.runPod({ name: "death-gap" });
  const container = await run(node, pod, "c", "trap 'exit 7' TERM; while true; do sleep 0.01; done");
  const { pid } = await stateOf(node, container.id);
  Deno.kill(node.processes.get(TASK_SERVER)!, "SIGKILL");
  Deno.kill(pid, "SIGTERM");
  strictEqual(await exitOf(node, container.id), 7);
  await container.waitForExit();
  await pod.remove();
});

e2eHost("a terminal does not hang up when the task server dies", node, async (node) => {
  const pod = await node.runPod({ name: "death-tty" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "i=0; while true; do echo tick $i; i=$((i+1)); sleep 0.05; done"],
    tty: true,
  });
  await container.waitForLog("tick 3");
  await killAndWait(node, TASK_SERVER);
  strictEqual((await stateOf(node, container.id)).status, Status.RUNNING);
  const { pid } = await stateOf(node, container.id);
  await new Promise((resolve) => setTimeout(resolve, 500));
  ok(Deno.readTextFileSync(`/proc/${pid}/comm`).includes("sh"), "the shell goes on");
  await container.waitForExit();
  await pod.remove();
});
