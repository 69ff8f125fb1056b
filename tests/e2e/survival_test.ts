import { ok, strictEqual } from "node:assert/strict";
import { ContainerState } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { findSandboxProcess, TASK_SERVER } from "../harness/mod.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { comparing, e2e, e2eOneProcess, e2eOurs, services, useNode } from "./fixture.ts";
import {
  askShell,
  assertNewContainerWorks,
  assertNoLineLost,
  startBusyPod,
  waitForMoreLines,
  waitForOutput,
} from "./numbered_lines.ts";

const node = useNode();

for (const service of services) {
  e2eOurs(`kill -9 of ${service} is not noticed by a running container`, node, async (node) => {
    const { pod, writer, shell } = await startBusyPod(node, `kill-${service}`);
    await killAndWait(node, service);
    await askShell(shell, "after");
    await waitForMoreLines(writer, 100);
    await assertNoLineLost(writer);
    ok(await writer.isRunning());
    await assertNewContainerWorks(node, pod, "after");
    await shell.write("exit 7\n");
    strictEqual((await shell.waitForExit()).exitCode, 7);
    await shell.close();
    await assertNoLineLost(writer);
    await pod.remove();
  });
}

e2eOurs(
  "kill -9 of all services, one after the other, while a container streams and an exec is open",
  node,
  async (node) => {
    const { pod, writer, shell } = await startBusyPod(node, "kill-all");
    for (const service of services) {
      await killAndWait(node, service);
      await askShell(shell, service);
      await waitForMoreLines(writer, 50);
    }
    await assertNewContainerWorks(node, pod, "after");
    const second = await node.runPod({ name: "kill-all-second" });
    await assertNewContainerWorks(node, second, "c");
    await second.remove();
    await askShell(shell, "last");
    await assertNoLineLost(writer);
    await shell.close();
    await pod.remove();
  },
);

e2eOurs(
  "kill -9 of the task server is not noticed by a running container, nor are its calls lost",
  node,
  async (node) => {
    const { pod, writer, shell } = await startBusyPod(node, "kill-task");
    const image = await node.image("busybox");
    const ending = await pod.run({ name: "ending", image, command: ["sh", "-c", "sleep 1; exit 42"] });
    for (let round = 0; round < 3; round++) {
      await killAndWait(node, TASK_SERVER);
      await askShell(shell, `round-${round}`);
      await waitForMoreLines(writer, 50);
      await assertNoLineLost(writer);
    }
    // containerd had been waiting for it when the first server died.
    strictEqual((await ending.waitForExit()).exitCode, 42);
    ok(await writer.isRunning());
    await assertNewContainerWorks(node, pod, "after");
    await writer.stop(0);
    strictEqual((await writer.status()).exitCode, 137);
    await assertNoLineLost(writer);
    await shell.close();
    await pod.remove();
  },
);

e2eOurs(
  "kill -9 of the task server and of all services at once leaves a pod as it is",
  node,
  async (node) => {
    const { pod, writer, shell } = await startBusyPod(node, "kill-everything");
    const restarts = services.map((service) => killAndWait(node, service));
    await killAndWait(node, TASK_SERVER);
    await Promise.all(restarts);
    await askShell(shell, "after");
    await waitForMoreLines(writer, 50);
    await assertNoLineLost(writer);
    await assertNewContainerWorks(node, pod, "after");
    await shell.close();
    await pod.remove();
  },
);

e2eOurs("kill -9 of kuasar-task with its keeper leaves the containers running", node, async (node) => {
  const pod = await node.runPod({ name: "kill-keeper" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "i=0; while true; do echo tick $i; i=$((i+1)); sleep 0.1; done"],
  });
  await container.waitForLog("tick 5");
  await killAndWait(node, "kuasar-task");
  // containerd reports a lost connection as the end of a container; the pod itself must go on.
  await assertNewContainerWorks(node, pod, "after");
  ok(await pod.isReady());
  // It takes containerd a moment to do so, and it refuses to remove what it still calls running.
  await container.waitForExit();
  await pod.remove();
});

e2eOneProcess("kill -9 of a VMM ends that pod only, and without a trace", node, async (node) => {
  const victim = await node.runPod({ name: "victim" });
  const other = await startBusyPod(node, "bystander");
  const container = await victim.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  const pid = findSandboxProcess(victim.id);
  ok(pid !== undefined, "the pod has a VMM");
  Deno.kill(pid, "SIGKILL");
  await victim.waitForEnd();
  const status = await container.waitForExit();
  ok(status.exitCode !== 0, `exit code ${status.exitCode}`);
  await victim.remove();
  await askShell(other.shell, "alive");
  await waitForMoreLines(other.writer, 20);
  await assertNoLineLost(other.writer);
  await other.shell.close();
  await other.pod.remove();
});

e2e("a restart of containerd leaves pods ready and containers running", node, async (node) => {
  const { pod, writer, shell } = await startBusyPod(node, "containerd");
  await shell.close();
  await node.restartContainerd();
  strictEqual((await writer.status()).state, ContainerState.CONTAINER_RUNNING);
  ok(await pod.isReady());
  strictEqual((await writer.shell("echo exec works")).stdout, "exec works\n");
  // containerd itself may lose the line that it was about to write; what comes afterwards must be whole.
  await waitForOutput(writer);
  if (!comparing) await assertNewContainerWorks(node, pod, "after");
  await pod.remove();
});
