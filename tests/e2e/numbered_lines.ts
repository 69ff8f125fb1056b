import { deepStrictEqual, ok } from "node:assert/strict";
import type { RemoteCommand } from "../../lib/cri/mod.ts";
import { type Container, type Node, PATIENCE_MS, type Pod } from "../harness/mod.ts";

/** A pod at work: a container that writes numbered lines all the time, and a shell that is open in it. */
export interface BusyPod {
  pod: Pod;
  writer: Container;
  shell: RemoteCommand;
}

/** Starts a pod with a container that streams numbered lines and an interactive exec in it. */
export async function startBusyPod(node: Node, name: string): Promise<BusyPod> {
  const pod = await node.runPod({ name });
  const writer = await pod.run({
    name: "writer",
    image: await node.image("busybox"),
    command: ["sh", "-c", "i=0; while true; do echo line $i; i=$((i+1)); usleep 2000; done"],
  });
  const shell = await writer.interactive(["sh"], { tty: true });
  await askShell(shell, "first");
  return { pod, writer, shell };
}

/** Has the open shell answer; the answer differs from the question, which a terminal echoes. */
export async function askShell(shell: RemoteCommand, word: string): Promise<void> {
  await shell.write(`echo ${word}-$((20+3))\n`);
  await shell.waitFor(`${word}-23`);
}

/** Waits for `more` lines beyond those that are there. */
export async function waitForMoreLines(writer: Container, more: number): Promise<void> {
  const have = (await writer.logLines()).length;
  await writer.waitForLog(`line ${have + more}`);
}

/** Waits for more lines than there are, whatever their numbers: some may have been lost. */
export async function waitForOutput(writer: Container): Promise<void> {
  const before = (await writer.logLines()).length;
  for (let waitedMs = 0; (await writer.logLines()).length < before + 50; waitedMs += 50) {
    ok(waitedMs < PATIENCE_MS, "the container's output goes on");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Fails where a line is missing, doubled or out of order. */
export async function assertNoLineLost(writer: Container): Promise<void> {
  const lines = await writer.logLines();
  ok(lines.length > 0, "there are lines");
  const wrong = lines.findIndex((line, i) => line !== `line ${i}`);
  if (wrong < 0) return;
  deepStrictEqual(
    lines.slice(Math.max(0, wrong - 3), wrong + 3),
    `line ${wrong} is missing, doubled or changed`,
  );
}

/** Starts a container in the old pod and has it answer. */
export async function assertNewContainerWorks(node: Node, pod: Pod, name: string): Promise<void> {
  const container = await pod.run({
    name,
    image: await node.image("busybox"),
    command: ["sh", "-c", "echo new container; exec sleep 1000"],
  });
  await container.waitForLog("new container");
  const { stdout } = await container.shell("echo exec works");
  deepStrictEqual(stdout, "exec works\n");
  await container.stop(1);
  await container.remove();
}
