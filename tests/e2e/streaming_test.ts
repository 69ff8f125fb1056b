/** Stdio over containerd's Streaming API (`io_type = "streaming"`); that every exec works over it is a stage of its own. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Node, TASK_SERVER } from "../harness/mod.ts";
import {
  askShell,
  assertNewContainerWorks,
  assertNoLineLost,
  startBusyPod,
  waitForMoreLines,
  waitForOutput,
} from "./numbered_lines.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { e2eOurs, useNode } from "./fixture.ts";

const node = useNode({ ioType: "streaming" });

/** What the server reads of a FIFO at once, and may lose when it is killed. */
const CHUNK_BYTES = 15 << 10;

const streamsOf = ({ runDir }: Node) =>
  [...Deno.readDirSync(`${runDir}/task/streams`)].map(({ name }) => name);

const connectionsOf = ({ runDir }: Node) => [...Deno.readDirSync(`${runDir}/task/connections`)].length;

/** A connection is closed with its process, and noticed by the server a moment later. */
const NOTICED_MS = 10_000;
const LOOK_MS = 20;

/** Waits until so many connections are left. @returns how many there are when the time is over */
async function connectionsLeft(node: Node, wanted: number): Promise<number> {
  const end = Date.now() + NOTICED_MS;
  while (connectionsOf(node) > wanted && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return connectionsOf(node);
}

e2eOurs("streams and their connections are there as long as their processes", node, async (node) => {
  const pod = await node.runPod({ name: "streams" });
  const before = connectionsOf(node);
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "echo out; echo err >&2; exec sleep 1000"],
  });
  deepStrictEqual(streamsOf(node).sort(), [`${container.id}-stderr`, `${container.id}-stdout`]);
  await container.waitForLog("err");
  const running = connectionsOf(node);
  for (let i = 0; i < 5; i++) strictEqual((await container.shell(`echo ${i}`)).stdout, `${i}\n`);
  strictEqual(await connectionsLeft(node, running), running, "no connection of an exec is left");
  strictEqual(streamsOf(node).length, 2);
  await container.stop(0);
  await container.remove();
  deepStrictEqual(streamsOf(node), []);
  ok(await connectionsLeft(node, before) <= before);
  await pod.remove();
});

e2eOurs("input that has ended before the container starts still reaches it", node, async (node) => {
  const pod = await node.runPod({ name: "streams-stdin" });
  const container = await pod.create({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "cat; echo done"],
    stdin: true,
    stdinOnce: true,
  });
  await container.start();
  const session = await container.attach();
  await session.write("hello\n");
  await session.close();
  strictEqual((await container.waitForExit()).exitCode, 0);
  deepStrictEqual(await container.logLines("stdout"), ["hello", "done"]);
  await pod.remove();
});

e2eOurs("what is read slowly is not lost", node, async (node) => {
  const { pod, writer, shell } = await startBusyPod(node, "streams-slow");
  const session = await writer.interactive(["sh", "-c", "seq 1 200000"], { stdin: false });
  deepStrictEqual(await session.waitForExit(), { exitCode: 0 });
  const lines = new TextDecoder().decode(session.stdout).trimEnd().split("\n");
  strictEqual(lines.length, 200_000);
  strictEqual(lines.at(-1), "200000");
  await session.close();
  await assertNoLineLost(writer);
  await shell.close();
  await pod.remove();
});

e2eOurs("kill -9 of the task server ends no stream", node, async (node) => {
  const { pod, writer, shell } = await startBusyPod(node, "streams-kill");
  await waitForMoreLines(writer, 50);
  await killAndWait(node, TASK_SERVER);
  await askShell(shell, "after");
  // From the last line that is written now; the one before may be among what the server had in its hands.
  const { stdout } = await writer.shell("echo exec works");
  strictEqual(stdout, "exec works\n");
  await waitForOutput(writer);
  const lines = (await writer.logLines()).map((line) => Number(line.replace("line ", "")));
  const gaps = lines.slice(1).map((line, i) => line - lines[i]! - 1).filter((gap) => gap !== 0);
  ok(gaps.length <= 1, `at most once something is missing: ${gaps}`);
  ok(gaps.every((gap) => gap > 0 && gap * "line 0\n".length <= CHUNK_BYTES), `nothing is doubled: ${gaps}`);
  await assertNewContainerWorks(node, pod, "new");
  await shell.write("exit 7\n");
  strictEqual((await shell.waitForExit()).exitCode, 7);
  await shell.close();
  await pod.remove();
});

e2eOurs("containerd opens its streams again after a restart", node, async (node) => {
  const { pod, writer, shell } = await startBusyPod(node, "streams-containerd");
  await shell.close();
  await node.restartContainerd();
  strictEqual((await writer.shell("echo exec works")).stdout, "exec works\n");
  await waitForOutput(writer);
  await assertNewContainerWorks(node, pod, "new");
  await pod.remove();
});
