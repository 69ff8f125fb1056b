/** What depends on the version of cgroups: run by runc_test.ts in a machine that has version 2 only, and no version 1. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { hierarchies } from "../../lib/cgroups/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import type { Container, Node, Pod } from "../harness/mod.ts";
import { e2e, useNode } from "../e2e/fixture.ts";
// Of the kernel's files, which version 1 has otherwise.
import "../../lib/cgroups/memory_kills_test.ts";

const node = useNode();
const MIB = 1 << 20;
const ROOT = "/sys/fs/cgroup";

async function counting(node: Node, name: string, memoryLimitBytes: number) {
  const pod = await node.runPod({ name });
  const script =
    "dd if=/dev/zero of=/dev/shm/fill bs=1M count=8; i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.1; done";
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", script],
    memoryLimitBytes,
  });
  await container.waitForLog("tick 2");
  return { pod, container };
}

/** A file of a container's cgroup, as everything on the host sees it. */
function fileOf(pod: Pod, container: Container, name: string): string {
  return Deno.readTextFileSync(`${ROOT}/kuasar/kuasar_${pod.id}/${container.id}/${name}`).trim();
}

e2e("limits and statistics are in the one tree", node, async (node) => {
  deepStrictEqual(hierarchies(), [{ root: ROOT, version: 2 }]);
  const { pod, container } = await counting(node, "limits", 64 * MIB);
  strictEqual(fileOf(pod, container, "memory.max"), String(64 * MIB));
  const { cpu, memory } = await container.stats();
  ok(cpu!.usageCoreNanoSeconds!.value > 0n);
  const used = memory!.workingSetBytes!.value;
  ok(used >= 8n << 20n && used < 64n << 20n, `working set ${used}`);
  await container.update({ memoryLimitBytes: 48 * MIB, cpuShares: 512 });
  strictEqual(fileOf(pod, container, "memory.max"), String(48 * MIB));
  ok(Number(fileOf(pod, container, "cpu.weight")) < 100, fileOf(pod, container, "cpu.weight"));
  const folder = `${ROOT}/kuasar/kuasar_${pod.id}`;
  await pod.remove();
  ok(!exists(folder), "the pod's cgroup is gone");
});

e2e("a container is paused and goes on", node, async (node) => {
  const { pod, container } = await counting(node, "pause", 64 * MIB);
  strictEqual((await node.ctr().run(["tasks", "pause", container.id])).code, 0);
  strictEqual(fileOf(pod, container, "cgroup.freeze"), "1");
  const seen = (await container.logLines()).length;
  strictEqual((await node.ctr().run(["tasks", "resume", container.id])).code, 0);
  await container.waitForLog(`tick ${seen + 2}`);
  await pod.remove();
});

e2e("a container that uses too much memory is OOMKilled", node, async (node) => {
  const pod = await node.runPod({ name: "oom" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=60"],
    memoryLimitBytes: 24 * MIB,
  });
  const { exitCode, reason } = await container.waitForExit();
  deepStrictEqual([exitCode, reason], [137, "OOMKilled"]);
  ok(await pod.isReady(), "only the container is killed");
  await pod.remove();
});

e2e("a killed container takes what it has started along", node, async (node) => {
  const pod = await node.runPod({ name: "kill", sharePid: true });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "sleep 1000 & echo ready; exec sleep 1000"],
  });
  await container.waitForLog("ready");
  await container.stop(0);
  strictEqual((await container.status()).exitCode, 137);
  await pod.remove();
});
