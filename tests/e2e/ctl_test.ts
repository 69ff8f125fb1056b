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

e2eOurs("kuasar-ctl plugs devices into a running pod and takes them out", node, async (node) => {
  const pod = await node.runPod({ name: "ctl-attach" });
  const id = pod.id.slice(0, 12);
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await ctl(node, ...args);
    strictEqual(code, 0, stderr);
    return stdout;
  };
  const inGuest = (command: string) => run("exec", id, "--", "sh", "-c", command);
  const hostPath = `${node.runDir}/plugged.img`;
  await Deno.writeTextFile(hostPath, "from the host".padEnd(1 << 20));
  for (let i = 0; i < 2; i++) {
    match(await run("attach", id, "data", "--disk", hostPath), /serial user-data/);
    const disk = "cd /sys/block; d=$(dirname $(grep -lx user-data */serial)); head -c 13 /dev/$d";
    strictEqual(await inGuest(disk), "from the host");
    deepStrictEqual(JSON.parse(await run("detach", id, "data", "--json")), { name: "data" });
    await run("detach", id, "data");
    strictEqual(await inGuest("cat /sys/block/*/serial 2>/dev/null | grep -c user-data; true"), "0\n");
  }
  const { stderr } = await ctl(node, "attach", id, "gpu", "--vfio", "ffff:ff:1f.7");
  match(stderr, /Cannot plug in .*ffff:ff:1f.7/);
  strictEqual((await ctl(node, "attach", id, "both", "--disk", hostPath, "--pmem", hostPath)).code, 2);
  // Its share cannot be written; the pod goes on after the attempt.
  const snapshots = `${node.runDir}/snapshot`;
  await Deno.mkdir(snapshots);
  strictEqual((await ctl(node, "snapshot", id, snapshots)).code, 1);
  strictEqual(await inGuest("echo goes on"), "goes on\n");
  await Deno.remove(snapshots);
  await Deno.remove(hostPath);
  await pod.remove();
});
