import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { root } from "../../lib/build/mod.ts";
import type { Node } from "../harness/mod.ts";
import { e2eOurs, useNode } from "./fixture.ts";

/** The debug console is off by default. */
const node = useNode({ kernelParams: "quiet task.debug" });

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs kuasar-ctl against the node. */
async function ctl(node: Node, ...args: string[]): Promise<Result> {
  const [command, ...others] = args;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", `${root}/services/ctl/main.ts`, command!]
      .concat(["--run-dir", node.runDir, ...others]),
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

e2eOurs("kuasar-ctl shows the sandboxes and everything of one", node, async (node) => {
  const pod = await node.runPod({ name: "ctl-show" });
  await pod.run({ name: "c", image: await node.image("busybox"), command: ["sleep", "1000"] });
  const list = await ctl(node, "list");
  strictEqual(list.code, 0, list.stderr);
  match(list.stdout, /default\/ctl-show/);
  const [first] = JSON.parse((await ctl(node, "list", "--json")).stdout);
  strictEqual(first.id, pod.id);
  strictEqual(first.containers, 1);
  const inspect = await ctl(node, "inspect", pod.id.slice(0, 8));
  strictEqual(inspect.code, 0, inspect.stderr);
  match(inspect.stdout, new RegExp(pod.id));
  const logs = await ctl(node, "logs", pod.id);
  strictEqual(logs.code, 0, logs.stderr);
  const timeline = await ctl(node, "timeline", pod.id);
  strictEqual(timeline.code, 0, timeline.stderr);
  match(timeline.stdout, /█/);
  await pod.remove();
});

e2eOurs("kuasar-ctl exec runs a command in the guest and returns its exit code", node, async (node) => {
  const pod = await node.runPod({ name: "ctl-exec" });
  const id = pod.id.slice(0, 12);
  deepStrictEqual(await ctl(node, "exec", id, "--", "echo", "it's", "a guest"), {
    code: 0,
    stdout: "it's a guest\n",
    stderr: "",
  });
  strictEqual((await ctl(node, "exec", id, "--", "sh", "-c", "exit 42")).code, 42);
  const kernel = (await ctl(node, "exec", id, "--", "uname", "-r")).stdout.trim();
  ok(kernel !== "" && kernel !== Deno.osRelease(), kernel);
  strictEqual((await ctl(node, "exec", id, "-t", "1", "--", "sleep", "30")).code, 124);
  await pod.remove();
});

e2eOurs("kuasar-ctl says what is wrong with an id", node, async (node) => {
  const { code, stderr } = await ctl(node, "inspect", "no-such-sandbox");
  strictEqual(code, 1);
  match(stderr, /no-such-sandbox/);
});
