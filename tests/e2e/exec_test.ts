import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Container, Node, Pod } from "../harness/mod.ts";
import { e2e, useNode } from "./fixture.ts";

const node = useNode();

const MIB = 1 << 20;

async function sleeper(node: Node, name: string): Promise<{ pod: Pod; container: Container }> {
  const pod = await node.runPod({ name });
  const image = await node.image("busybox");
  return { pod, container: await pod.run({ name: "c", image, command: ["sleep", "1000"] }) };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

e2e("exec returns stdout, stderr and the exit code", node, async (node) => {
  const { pod, container } = await sleeper(node, "exec");
  deepStrictEqual(await container.shell("echo hi; echo e >&2; exit 3"), {
    stdout: "hi\n",
    stderr: "e\n",
    exitCode: 3,
  });
  const many = await Promise.all(Array.from({ length: 8 }, (_, i) => container.shell(`echo ${i}`)));
  deepStrictEqual(many.map((r) => r.stdout), Array.from({ length: 8 }, (_, i) => `${i}\n`));
  await pod.remove();
});

e2e("exec of a program that is not there fails and the container goes on", node, async (node) => {
  const { pod, container } = await sleeper(node, "exec-missing");
  await rejects(container.exec(["/no/such/program"]), (error: KuasarError) => {
    match(error.message, /no such file|not found/i);
    return true;
  });
  strictEqual((await container.shell("echo still here")).stdout, "still here\n");
  await pod.remove();
});

e2e("an exec that takes too long is ended", node, async (node) => {
  const { pod, container } = await sleeper(node, "exec-timeout");
  await rejects(container.exec(["sleep", "777"], 1), (error: KuasarError) => {
    match(error.message, /timeout 1s exceeded/);
    return true;
  });
  // The process is gone, not only forgotten; the brackets keep the pattern from finding itself.
  const { stdout } = await container.shell("ps | grep '[s]leep 777' || echo none");
  strictEqual(stdout, "none\n");
  await pod.remove();
});

e2e("an interactive exec has a terminal that can be resized", node, async (node) => {
  const { pod, container } = await sleeper(node, "tty");
  const session = await container.interactive(["sh"], { tty: true });
  session.resize(123, 45);
  await session.write("test -t 0 && test -t 1 && echo is-a-$((1+1))-tty\n");
  await session.waitFor("is-a-2-tty");
  // The shell may have been asked before the resize was through; ask until it is.
  await session.write("until [ \"$(stty size)\" = '45 123' ]; do sleep 0.1; done; echo first-$((1+1))\n");
  await session.waitFor("first-2");
  session.resize(80, 24);
  await session.write("until [ \"$(stty size)\" = '24 80' ]; do sleep 0.1; done; echo second-$((1+1))\n");
  await session.waitFor("second-2");
  await session.write("exit 7\n");
  deepStrictEqual(await session.waitForExit(), { exitCode: 7 });
  await session.close();
  await pod.remove();
});

e2e("1 MiB of stdin comes back intact", node, async (node) => {
  const { pod, container } = await sleeper(node, "stdin");
  const sent = new Uint8Array(randomBytes(MIB));
  const session = await container.interactive(["head", "-c", String(MIB)]);
  await session.write(sent);
  deepStrictEqual(await session.waitForExit(), { exitCode: 0 });
  strictEqual(session.stdout.length, MIB);
  strictEqual(sha256(session.stdout), sha256(sent));
  await session.close();
  await pod.remove();
});

e2e("the end of stdin ends a container that reads it once", node, async (node) => {
  const pod = await node.runPod({ name: "stdin-once" });
  const container = await pod.create({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "sha256sum; echo done"],
    stdin: true,
    stdinOnce: true,
  });
  await container.start();
  const session = await container.attach();
  const sent = new Uint8Array(randomBytes(MIB));
  await session.write(sent);
  await session.close();
  strictEqual((await container.waitForExit()).exitCode, 0);
  deepStrictEqual(await container.logLines("stdout"), [`${sha256(sent)}  -`, "done"]);
  await pod.remove();
});

e2e("100 MiB of stdout have the right hash", node, async (node) => {
  const { pod, container } = await sleeper(node, "stdout");
  const line = "0123456789abcdef0123456789abcde";
  const bytes = 100 * MIB;
  const session = await container.interactive(["sh", "-c", `yes ${line} | head -c ${bytes}`], {
    stdin: false,
    keepStdout: false,
  });
  const [got, want] = [createHash("sha256"), createHash("sha256")];
  let count = 0;
  session.onStdout = (piece) => {
    got.update(piece);
    count += piece.length;
  };
  deepStrictEqual(await session.waitForExit(), { exitCode: 0 });
  for (let i = 0; i < 100; i++) want.update(`${line}\n`.repeat(MIB / (line.length + 1)));
  strictEqual(count, bytes);
  strictEqual(got.digest("hex"), want.digest("hex"));
  await session.close();
  await pod.remove();
});

e2e("attach shows what a container with a terminal writes", node, async (node) => {
  const pod = await node.runPod({ name: "attach" });
  const container = await pod.create({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh"],
    stdin: true,
    tty: true,
  });
  await container.start();
  const session = await container.attach({ tty: true });
  await session.write("echo attached-$((1+1))\n");
  ok((await session.waitFor("attached-2")).includes("attached-2"));
  await session.write("exit 5\n");
  strictEqual((await container.waitForExit()).exitCode, 5);
  await session.close();
  await pod.remove();
});
