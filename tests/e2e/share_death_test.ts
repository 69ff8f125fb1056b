/** The death of virtiofsd, on a driver that uses it whatever the host can do. */
import { match, ok } from "node:assert/strict";
import { findProcesses } from "../harness/mod.ts";
import { e2eOurs, programsFor, useNode } from "./fixture.ts";

const HANDLER = "kuasar-clh";
const node = useNode(async () => ({ handler: HANDLER, programs: await programsFor(HANDLER) }));

e2eOurs("kill -9 of virtiofsd ends that pod only, and without a trace", node, async (node) => {
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
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  await victim.waitForEnd();
  ok((await doomed.waitForExit()).exitCode !== 0);
  match((await victim.status()).info.info ?? "", /the process that serves its files has ended/);
  await victim.remove();
  ok(await other.isReady());
  ok((await bystander.shell("echo alive")).stdout === "alive\n");
  await other.remove();
});
