/** Pods of which a process stands still: nobody but themselves may wait for it, and they can be stopped. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import { ListContainerStatsRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { findProcesses, findSandboxProcess, type Node, type Pod } from "../harness/mod.ts";
import { e2eVm, useNode } from "./fixture.ts";

const node = useNode();

/** Longer than the watchdog takes with its defaults, three times 30 s, on a busy host. */
const WATCHDOG_TIMEOUT_MS = 400_000;

/** The processes without which a guest cannot answer, by name. */
const PROCESSES: Readonly<Record<string, (pod: Pod) => number[]>> = {
  "VMM": ({ id }) => [findSandboxProcess(id) ?? 0].filter((pid) => pid > 0),
  "vsock device": ({ id }) => findProcesses(/^vhost-device-vs/, id),
};

async function statsOf({ cri }: Node): Promise<string[]> {
  const { stats } = await cri.runtime.listContainerStats(message(ListContainerStatsRequest));
  return stats.map(({ attributes }) => attributes?.id ?? "");
}

for (const [name, find] of Object.entries(PROCESSES)) {
  e2eVm(
    `a ${name} that stands still holds up nobody, and its pod is stopped and removed`,
    node,
    async (node) => {
      const image = await node.image("busybox");
      const [silent, other] = await Promise.all([
        node.runPod({ name: "silent" }),
        node.runPod({ name: "other" }),
      ]);
      const [stuck, busy] = await Promise.all(
        [silent, other].map((pod) => pod.run({ name: "c", image, command: ["sleep", "1000"] })),
      );
      deepStrictEqual((await statsOf(node)).sort(), [stuck!.id, busy!.id].sort());
      const pids = find(silent);
      if (pids.length === 0) {
        console.log(`no ${name} here: kernel vsock, or a VMM's own`);
        return await Promise.all([silent.remove(), other.remove()]).then(() => {});
      }
      for (const pid of pids) Deno.kill(pid, "SIGSTOP");
      const exec = stuck!.exec(["true"], 5).catch(() => {});
      // It stands still until it is stopped below: whoever waited for it would not come back.
      for (let round = 0; round < 3; round++) {
        ok((await statsOf(node)).includes(busy!.id));
        strictEqual((await busy!.shell("echo here")).stdout, "here\n");
      }
      const third = await other.run({ name: "third", image, command: ["sleep", "1000"] });
      await third.stop(0);
      await Promise.all([silent.stop(), exec]);
      await silent.remove();
      for (const pid of pids) ok(!findProcesses(/./, silent.id).includes(pid));
      ok(await other.isReady());
      await other.remove();
    },
  );
}

e2eVm(
  "the watchdog ends a pod whose VMM stands still, though nobody asks for anything",
  node,
  async (node) => {
    const image = await node.image("busybox");
    const pod = await node.runPod({ name: "watched" });
    const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
    Deno.kill(findSandboxProcess(pod.id)!, "SIGSTOP");
    await pod.waitForEnd(WATCHDOG_TIMEOUT_MS);
    strictEqual((await container.waitForExit()).exitCode, 137);
    match((await pod.status()).info.info ?? "", /its (guest|VMM.s control) was silent/);
    await pod.remove();
  },
);
