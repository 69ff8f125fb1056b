/** Containers are started and removed without calls of the OCI runtime where it would do nothing else: it must not notice. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { exists } from "../../lib/files/mod.ts";
import type { Node } from "../harness/mod.ts";
import { e2eHost, useNode } from "./fixture.ts";

const node = useNode();

/** The runtime's command before the verb, as the task server has written it down. */
async function runtimeOf(node: Node, id: string): Promise<string[]> {
  const { runtime } = JSON.parse(await Deno.readTextFile(`${node.runDir}/task/${id}.json`));
  return [runtime.command, ...runtime.globalArgs];
}

async function call([program, ...args]: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program!, { args }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  strictEqual(code, 0, text(stderr));
  return text(stdout);
}

/** Where the container's cgroup is, in every hierarchy. */
async function cgroupsOf(node: Node, id: string): Promise<string[]> {
  const { runtime } = JSON.parse(await Deno.readTextFile(`${node.runDir}/task/${id}.json`));
  const mounts = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n").filter((line) =>
    / - cgroup2? /.test(line)
  );
  // A mount that another one covers has the same place.
  return [...new Set(mounts.map((line) => `${line.split(" ")[4]}${runtime.cgroup}`))];
}

e2eHost("the runtime knows of each start and each end", node, async (node) => {
  const pod = await node.runPod({ name: "runtime-calls" });
  const image = await node.image("busybox");
  const container = await pod.create({ name: "c", image, command: ["sleep", "1000"] });
  await container.start();
  const runtime = await runtimeOf(node, container.id);
  const state = JSON.parse(await call([...runtime, "state", container.id]));
  deepStrictEqual([state.id, state.status], [container.id, "running"]);
  const directory = `${runtime[runtime.indexOf("--root") + 1]}/${container.id}`;
  ok(exists(directory), "its state is where the test looks for it");
  ok(!exists(`${directory}/exec.fifo`), "nothing is left at which it could be started again");
  const cgroups = await cgroupsOf(node, container.id);
  ok(cgroups.some(exists), "its cgroup is where the test looks for it");
  // Nested ones are what a container's own manager makes.
  const nested = cgroups.filter(exists).map((path) => `${path}/nested`);
  for (const path of nested) await Deno.mkdir(path);
  await container.stop(0);
  await container.remove();
  deepStrictEqual([directory, ...cgroups].filter(exists), []);
  await pod.remove();
});

e2eHost(
  "a container whose program ends at once is started and removed like any other",
  node,
  async (node) => {
    const pod = await node.runPod({ name: "runtime-calls-short" });
    const image = await node.image("busybox");
    for (let i = 0; i < 5; i++) {
      const container = await pod.run({ name: `c${i}`, image, command: ["sh", "-c", `exit ${i}`] });
      strictEqual((await container.waitForExit()).exitCode, i);
      await container.remove();
    }
    await pod.remove();
  },
);

e2eHost("a container that was never started leaves nothing", node, async (node) => {
  const pod = await node.runPod({ name: "runtime-calls-never" });
  const image = await node.image("busybox");
  const container = await pod.create({ name: "c", image, command: ["true"] });
  await container.remove();
  await pod.remove();
});
