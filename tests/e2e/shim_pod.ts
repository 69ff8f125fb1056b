import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { ContainerState } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { findProcesses, type Node } from "../harness/mod.ts";
import { checkKernel } from "./fixture.ts";

/** Processes under the name of a shim of ours: there are none. */
export function shimProcesses({ runDir }: Node): number[] {
  return findProcesses(/^containerd-shim/, runDir);
}

/**
 * Takes a pod of a containerd that runs our shim through its life, over a restart of that containerd.
 *
 * @param paused whether containerd makes a pause container for it
 */
export async function checkShimPod(node: Node, handler: string, paused: boolean): Promise<void> {
  const pod = await node.runPod({ name: "shim-pod", hostname: "shim-pod", handler });
  ok(await pod.isReady());
  const image = await node.image("busybox");
  const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
  const { stdout } = await container.shell("hostname; ip -4 -o addr show eth0; uname -r");
  match(stdout, /^shim-pod\n/);
  ok(stdout.includes(await pod.ip()), `the guest has the pod's address: ${stdout}`);
  checkKernel(stdout.trim().split("\n").at(-1)!);
  deepStrictEqual(shimProcesses(node), [], "a pod has no shim process");

  const { stdout: tasks } = await node.ctr().run(["tasks", "ls", "-q"]);
  strictEqual(tasks.split("\n").includes(pod.id), paused, "a pause container is a task with the pod's id");

  const other = await pod.run({
    name: "d",
    image,
    command: ["sh", "-c", "echo to the log; exit 5"],
  });
  strictEqual((await other.waitForExit()).exitCode, 5);
  deepStrictEqual(await other.logLines("stdout"), ["to the log"]);

  await node.restartContainerd();
  ok(await pod.isReady());
  strictEqual((await container.status()).state, ContainerState.CONTAINER_RUNNING);
  strictEqual((await container.shell("echo again")).stdout, "again\n");
  const after = await pod.run({ name: "e", image, command: ["sh", "-c", "exit 6"] });
  strictEqual((await after.waitForExit()).exitCode, 6);

  await container.stop(1);
  strictEqual((await container.status()).state, ContainerState.CONTAINER_EXITED);
  await pod.stop();
  ok(!await pod.isReady());
  await pod.remove();
}
