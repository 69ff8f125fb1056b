/** What is left of containers on the host's own kernel when the task server, or its keeper too, is killed. */
import { ok, rejects, strictEqual } from "node:assert/strict";
import { Status, TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
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

/** Two containers at work: one that ends with 42 when it finds a file, one that never does. */
async function twoContainers(node: Node, name: string) {
  const pod = await node.runPod({ name });
  const later = await run(node, pod, "later", "while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 42");
  const killed = await run(node, pod, "killed", "exec sleep 1000");
  const { pid } = await stateOf(node, later.id);
  const letGo = () => Deno.writeTextFile(`/proc/${pid}/root/tmp/go`, "");
  return { pod, later, killed, pid, letGo };
}

async function assertRuns(node: Node, id: string, pid: number): Promise<void> {
  const state = await stateOf(node, id);
  strictEqual(state.status, Status.RUNNING);
  strictEqual(state.pid, pid, "the pid is the init's own");
}

e2eHost("exit codes survive kill -9 of the task server, twice", node, async (node) => {
  const { pod, later, killed, pid, letGo } = await twoContainers(node, "death-server");
  for (let round = 0; round < 2; round++) {
    await killAndWait(node, TASK_SERVER);
    await assertRuns(node, later.id, pid);
  }
  // They end while a server watches them that is not their parent.
  await letGo();
  strictEqual((await later.waitForExit()).exitCode, 42);
  Deno.kill((await stateOf(node, killed.id)).pid, "SIGKILL");
  strictEqual((await killed.waitForExit()).exitCode, 137);
  await pod.remove();
});

e2eHost(
  "a record of a container whose files have gone keeps the task server from nothing",
  node,
  async (node) => {
    const { pod, later, pid, letGo } = await twoContainers(node, "death-record");
    const lost = {
      id: "lost",
      sandboxId: "lost",
      namespace: "k8s.io",
      bundle: "/no/such/bundle",
      phase: "created",
      paths: { stdin: "", stdout: "", stderr: "", terminal: false },
      execs: {},
      runtime: {
        kind: HostRuntime_Kind.RUNSC,
        command: "/bin/true",
        globalArgs: [],
        bundle: "/no/such/bundle",
      },
      processes: { "": { pid, startTime: "1", started: true } },
    };
    const file = `${node.runDir}/task/lost.json`;
    await Deno.writeTextFile(file, JSON.stringify(lost));
    await killAndWait(node, TASK_SERVER);
    await assertRuns(node, later.id, pid);
    await letGo();
    strictEqual((await later.waitForExit()).exitCode, 42);
    await pod.remove();
    await rejects(Deno.stat(file), Deno.errors.NotFound);
  },
);

/** Only a kernel that tells exit codes to whoever holds a pidfd makes up for a parent that is gone. */
const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
const tellsExits = major > 6 || major === 6 && minor >= 15;

e2eHost("containers outlive kill -9 of the task server with its keeper", node, async (node) => {
  const { pod, later, killed, pid, letGo } = await twoContainers(node, "death-keeper");
  await killAndWait(node, "kuasar-task");
  await assertRuns(node, later.id, pid);
  const exit = exitOf(node, later.id);
  await letGo();
  strictEqual(await exit, tellsExits ? 42 : 255);
  // To containerd the keeper's death is that of its connections, and so of the containers.
  await later.waitForExit();
  await killed.waitForExit();
  await pod.remove();
});

e2eHost("a container that ends while no task server runs has its exit code", node, async (node) => {
  const pod = await node.runPod({ name: "death-gap" });
  const container = await run(
    node,
    pod,
    "c",
    "trap 'exit 7' TERM; echo ready; while true; do sleep 0.01; done",
  );
  await container.waitForLog("ready");
  const { pid } = await stateOf(node, container.id);
  Deno.kill(node.processes.get(TASK_SERVER)!, "SIGKILL");
  Deno.kill(pid, "SIGTERM");
  strictEqual((await container.waitForExit()).exitCode, 7);
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
  const lines = (await container.logLines()).length;
  await container.waitForLog(`tick ${lines + 10}`);
  ok(await container.isRunning());
  await container.stop(0);
  await pod.remove();
});
