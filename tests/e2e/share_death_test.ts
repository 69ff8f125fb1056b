/** The death of virtiofsd, on a driver that uses it whatever the host can do. */
import { match, ok } from "node:assert/strict";
import { findProcesses } from "../harness/mod.ts";
import { e2eOurs, programsFor, useNode } from "./fixture.ts";

const HANDLER = "kuasar-clh";
const node = useNode(async () => ({ handler: HANDLER, programs: await programsFor(HANDLER) }));

/** How soon a pod must be shown as not ready. */
const NOT_READY_WITHIN_MS = 1_000;

e2eOurs("kill -9 of virtiofsd ends that pod only, at once and without a trace", node, async (node) => {
  const [victim, other] = await Promise.all([
    node.runPod({ name: "victim" }),
    node.runPod({ name: "other" }),
  ]);
  const image = await node.image("busybox");
  const doomed = await victim.run({ name: "c", image, command: ["sleep", "1000"] });
  const bystander = await other.run({ name: "c", image, command: ["sleep", "1000"] });
  // virtiofsd has a child in its sandbox, which goes with it.
  const pids = findProcesses(/^virtiofsd/, victim.id);
  ok(pids.length > 0, "the pod has a virtiofsd");
  const killedAt = Date.now();
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  while (await victim.isReady() && Date.now() - killedAt < 30_000) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const tookMs = Date.now() - killedAt;
  ok(tookMs <= NOT_READY_WITHIN_MS, `NOTREADY ${tookMs} ms after the end of virtiofsd`);
  ok((await doomed.waitForExit()).exitCode !== 0);
  match((await victim.status()).info.info ?? "", /the process that serves its files has ended/);
  await victim.remove();
  ok(await other.isReady());
  ok((await bystander.shell("echo alive")).stdout === "alive\n");
  await other.remove();
});
