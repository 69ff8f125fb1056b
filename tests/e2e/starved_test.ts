/** Processes of a node that cannot take connections, open files or start processes for a while, for want of files or memory. */
import { strictEqual } from "node:assert/strict";
import { socketsOf } from "../../deploy/supervisor/mod.ts";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { type Container, type Node, type Pod, TASK_SERVER } from "../harness/mod.ts";
import { Starvation, STARVED_CALLS, type StarvedCall, type Want } from "../harness/starvation.ts";
import { e2eRunc, services, useNode } from "./fixture.ts";

let starvation: Starvation;
let directory = "";

/** Below /run and short, as the node's own. */
const node = useNode(async () => {
  directory = await Deno.makeTempDir({ dir: "/run", prefix: "ks" });
  starvation = await Starvation.in(directory);
  return {
    launch: (spec) => spec.name === "containerd" ? spec : starvation.launch(spec),
    onStopped: () => Deno.removeSync(directory, { recursive: true }),
  };
});

/** Under which name each process was launched: the task server is its keeper's child. */
const LAUNCHED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(services.map((name) => [name, name])),
  "kuasar-task": "kuasar-task",
  [TASK_SERVER]: "kuasar-task",
};

/** The keeper takes no connection, and nothing but a death of its server makes it start something. */
const CALLS: Readonly<Record<string, readonly StarvedCall[]>> = { "kuasar-task": ["spawn"] };

/** So long, once it has begun to hurt. */
const STARVED_MS = 1_500;
/** How long it may take until the node is well again. */
const HEAL_TIMEOUT_MS = 120_000;
/** Where nothing of what fails is called within this, there is nothing to see. */
const CALLED_TIMEOUT_MS = 20_000;
const STEP_MS = 20;

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A pod from its start to its removal. */
async function life(node: Node, name: string): Promise<void> {
  const pod = await node.runPod({ name });
  try {
    const container = await pod.run({
      name: "c",
      image: await node.image("busybox"),
      command: ["sleep", "1000"],
    });
    strictEqual((await container.shell("echo here")).stdout, "here\n");
  } finally {
    await pod.remove();
  }
}

/** Lives again and again, until one succeeds with nothing left of those before. */
async function heal(node: Node, kept: Pod): Promise<void> {
  const end = Date.now() + HEAL_TIMEOUT_MS;
  for (let attempt = 0;; attempt++) {
    try {
      for (const { id } of (await node.cri.runtime.listPodSandbox({ filter: undefined })).items) {
        if (id === kept.id) continue;
        await node.cri.runtime.stopPodSandbox({ podSandboxId: id });
        await node.cri.runtime.removePodSandbox({ podSandboxId: id });
      }
      return await life(node, `healed${attempt}`);
    } catch (error) {
      if (Date.now() > end) throw error;
      await after(10 * STEP_MS);
    }
  }
}

/** Has somebody call what fails, besides a pod's life. */
function provoke(node: Node, name: string, call: StarvedCall): Disposable {
  const connections: Promise<Deno.UnixConn>[] = [];
  if (call === "accept") {
    const sockets = name === TASK_SERVER ? ["task"] : socketsOf(name);
    for (const socket of sockets) {
      connections.push(Deno.connect({ transport: "unix", path: `${node.runDir}/${socket}.sock` }));
    }
  }
  // Its own spawns are of its server.
  if (name === "kuasar-task") node.kill(TASK_SERVER);
  return {
    [Symbol.dispose]: () => {
      for (const connection of connections) void connection.then((open) => open.close(), () => {});
    },
  };
}

async function starve(
  node: Node,
  name: string,
  call: StarvedCall,
  want: Want,
  kept: { pod: Pod; container: Container },
): Promise<void> {
  const launched = LAUNCHED[name]!;
  starvation.begin(launched, node.processes.get(name)!, call, want);
  let outcome: string;
  {
    using _provoked = provoke(node, name, call);
    let over = false;
    const starved = life(node, "starved").then(() => "it lived", (error) => asKuasarError(error).message)
      .finally(() => over = true);
    const end = Date.now() + CALLED_TIMEOUT_MS;
    while (starvation.failed(launched) === 0 && Date.now() < end && (!over || call === "accept")) {
      await after(STEP_MS);
    }
    const failed = starvation.failed(launched);
    if (failed > 0) await after(STARVED_MS);
    starvation.end(launched);
    outcome = `${failed} calls failed at first; the pod meanwhile: ${await starved}`;
  }
  console.log(`${name}, ${call}: ${want}: ${outcome}`);
  await heal(node, kept.pod);
  if (!(await kept.container.isRunning())) {
    throw new KuasarError("INTERNAL", `A container has ended because ${name} could not ${call}: ${want}`);
  }
  strictEqual((await kept.container.shell("echo still")).stdout, "still\n");
}

for (const name of Object.keys(LAUNCHED)) {
  for (const call of CALLS[name] ?? Object.keys(STARVED_CALLS) as StarvedCall[]) {
    e2eRunc(`${name} works again after a time in which it could not ${call}`, node, async (node) => {
      const pod = await node.runPod({ name: "kept" });
      const image = await node.image("busybox");
      const container = await pod.run({ name: "c", image, command: ["sleep", "100000"] });
      for (const want of ["ENFILE", "ENOMEM"] as const) {
        await starve(node, name, call, want, { pod, container });
      }
      await pod.remove();
    });
  }
}
