import { match, ok, strictEqual } from "node:assert/strict";
import { e2e, e2eLimits, limitsEndPods, useNode } from "./fixture.ts";

const node = useNode();

e2e("a container that ends by itself keeps its exit code", node, async (node) => {
  const pod = await node.runPod({ name: "exit" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    // containerd takes the time of the start when it has been answered: on the host the process could have ended by then.
    command: ["sh", "-c", "echo bye; sleep 0.2; exit 42"],
  });
  const status = await container.waitForExit();
  strictEqual(status.exitCode, 42);
  strictEqual(status.reason, "Error");
  ok(status.finishedAt >= status.startedAt, "the guest's clock is the host's");
  strictEqual((await container.logLines()).join(), "bye");
  ok(await pod.isReady(), "the pod outlives its container");
  await pod.remove();
});

e2e("a container that ends with 0 is Completed", node, async (node) => {
  const pod = await node.runPod({ name: "ok" });
  const container = await pod.run({ name: "c", image: await node.image("busybox"), command: ["true"] });
  const status = await container.waitForExit();
  strictEqual(status.exitCode, 0);
  strictEqual(status.reason, "Completed");
  await pod.remove();
});

e2e("a container ended by a signal has 128 + its number", node, async (node) => {
  // With a PID namespace of the pod the process is not PID 1, which no signal from inside could end.
  const pod = await node.runPod({ name: "signal", sharePid: true });
  const image = await node.image("busybox");
  const killed = await pod.run({ name: "kill", image, command: ["sh", "-c", "kill -KILL $$; sleep 100"] });
  strictEqual((await killed.waitForExit()).exitCode, 137);
  const terminated = await pod.run({
    name: "term",
    image,
    command: ["sh", "-c", "kill -TERM $$; sleep 100"],
  });
  strictEqual((await terminated.waitForExit()).exitCode, 143);
  await pod.remove();
});

e2eLimits("a container that uses too much memory is OOMKilled", node, async (node) => {
  const pod = await node.runPod({ name: "oom" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=60"],
    memoryLimitBytes: 24 << 20,
  });
  const status = await container.waitForExit();
  strictEqual(status.exitCode, 137);
  strictEqual(status.reason, "OOMKilled");
  // The pod's end is told a moment after its containers'.
  if (limitsEndPods) await pod.waitForEnd();
  else ok(await pod.isReady(), "only the container is killed");
  await pod.remove();
});

e2e("stop gives a container its grace and then ends it", node, async (node) => {
  const pod = await node.runPod({ name: "stop" });
  const image = await node.image("busybox");
  const polite = await pod.run({
    name: "polite",
    image,
    command: ["sh", "-c", "trap 'echo going; exit 3' TERM; echo ready; while true; do sleep 0.1; done"],
  });
  await polite.waitForLog("ready");
  await polite.stop(30);
  strictEqual((await polite.status()).exitCode, 3);
  match((await polite.logLines()).join(), /going/);
  const stubborn = await pod.run({
    name: "stubborn",
    image,
    command: ["sh", "-c", "trap '' TERM; echo ready; while true; do sleep 0.1; done"],
  });
  await stubborn.waitForLog("ready");
  await stubborn.stop(1);
  strictEqual((await stubborn.status()).exitCode, 137);
  await pod.remove();
});

e2e("removing a pod ends containers that still run", node, async (node) => {
  const pod = await node.runPod({ name: "cut" });
  const image = await node.image("busybox");
  await pod.run({ name: "a", image, command: ["sleep", "1000"] });
  await pod.run({ name: "b", image, command: ["sleep", "1000"] });
  await pod.remove();
});
