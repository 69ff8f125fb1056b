/** What only pods under gVisor have, and what is different with them. */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { findSandboxProcess, type Node, TASK_SERVER } from "../harness/mod.ts";
import { staticProgram } from "../harness/static_program.ts";
import { e2e, imageArchive, useNode } from "./fixture.ts";
import { killAndWait } from "./kill_and_wait.ts";

const node = useNode(() => Promise.resolve({ handler: "kuasar-gvisor", images: [imageArchive("busybox")] }));

const COUNTER = ["sh", "-c", "i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.1; done"];

async function counter(node: Node, name: string) {
  const pod = await node.runPod({ name });
  const container = await pod.run({ name: "c", image: await node.image("busybox"), command: COUNTER });
  await container.waitForLog("tick 3");
  return { pod, container };
}

e2e("the kernel of a pod is gVisor's", node, async (node) => {
  const { pod, container } = await counter(node, "kernel");
  match((await container.exec(["dmesg"])).stdout, /gVisor/);
  await pod.remove();
});

e2e("a pod is paused as a whole and goes on", node, async (node) => {
  const { pod, container } = await counter(node, "pause");
  const beside = await pod.run({ name: "beside", image: await node.image("busybox"), command: COUNTER });
  await beside.waitForLog("tick 3");
  strictEqual((await node.ctr().run(["tasks", "pause", container.id])).code, 0);
  const paused = (await beside.logLines()).length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  ok((await beside.logLines()).length <= paused + 1, "the other container stands still too");
  await rejects(container.exec(["true"]), "nothing is started in a paused container");
  strictEqual((await node.ctr().run(["tasks", "resume", container.id])).code, 0);
  await beside.waitForLog(`tick ${paused + 5}`);
  strictEqual((await container.exec(["true"])).exitCode, 0);
  await pod.remove();
});

e2e("a paused container can be killed", node, async (node) => {
  const { pod, container } = await counter(node, "kill");
  strictEqual((await node.ctr().run(["tasks", "pause", container.id])).code, 0);
  strictEqual((await node.ctr().run(["tasks", "kill", "--signal", "KILL", container.id])).code, 0);
  strictEqual((await container.waitForExit()).exitCode, 137);
  ok(await pod.isReady());
  await pod.remove();
});

e2e("what a container writes stays out of its image, also when its kernel dies", node, async (node) => {
  const { pod, container } = await counter(node, "filestore");
  strictEqual((await container.shell("echo x > /file; dd if=/dev/zero of=/big bs=1M count=4")).exitCode, 0);
  Deno.kill(findSandboxProcess(pod.id)!, "SIGKILL");
  await container.waitForExit();
  await pod.remove();
  const snapshots = `${node.runDir}/containerd/root/io.containerd.snapshotter.v1.overlayfs`;
  const found = await new Deno.Command("find", { args: [snapshots, "-name", ".gvisor*"], stdout: "piped" })
    .output();
  strictEqual(new TextDecoder().decode(found.stdout), "");
});

e2e(
  "a container has ended with its first process, whatever it leaves in the pod's PID namespace",
  node,
  async (node) => {
    const pod = await node.runPod({ name: "left-behind", sharePid: true });
    const image = await node.image("busybox");
    const command = ["sh", "-c", "(trap '' HUP TERM; sleep 778) & sleep 0.5; echo end; exit 3"];
    const container = await pod.run({ name: "c", image, command });
    strictEqual((await container.waitForExit()).exitCode, 3);
    const beside = await pod.run({ name: "beside", image, command: ["sleep", "1000"] });
    strictEqual((await beside.shell("ps | grep -c '[s]leep 778'")).stdout, "0\n");
    await pod.remove();
  },
);

e2e("a sysctl that gVisor does not have fails the pod and says so", node, async (node) => {
  await rejects(
    node.runPod({ name: "sysctl", sysctls: { "net.ipv4.no_such_thing": "1" } }),
    (error: KuasarError) => {
      match(error.message, /Cannot set the sysctls net\.ipv4\.no_such_thing/);
      return true;
    },
  );
});

e2e("a pod that dies together with the task server is known to have ended", node, async (node) => {
  const { pod, container } = await counter(node, "both");
  const pid = findSandboxProcess(pod.id)!;
  node.kill(TASK_SERVER);
  Deno.kill(pid, "SIGKILL");
  strictEqual((await container.waitForExit()).exitCode, 137);
  await pod.remove();
});

e2e("a checkpoint becomes an image of containerd's, and the pod goes on", node, async (node) => {
  const { pod, container } = await counter(node, "checkpoint");
  const { code, stdout, stderr } = await node.ctr().run(["tasks", "checkpoint", container.id]);
  strictEqual(code, 0, stderr);
  const image = stdout.trim();
  match((await node.ctr().run(["images", "ls", "--quiet"])).stdout, /containerd\.io\/checkpoint\//);
  const before = (await container.logLines()).length;
  await container.waitForLog(`tick ${before + 5}`);
  strictEqual((await node.ctr().run(["images", "rm", image])).code, 0);
  await pod.remove();
});

e2e("a pod goes on from a checkpoint, all its containers where they were", node, async (node) => {
  const checkpoints = `${node.runDir}/checkpoints`;
  await Deno.mkdir(`${checkpoints}/two`, { recursive: true });
  // The generated file ends in the table [runtime].
  const config = `${node.runDir}/driver-gvisor.toml`;
  await Deno.writeTextFile(config, `checkpoint_dir = ${JSON.stringify(checkpoints)}\n`, { append: true });
  await killAndWait(node, "driver-gvisor");
  const image = await node.image("busybox");
  const { pod, container } = await counter(node, "before");
  const beside = await pod.run({ name: "beside", image, command: COUNTER });
  await beside.waitForLog("tick 3");
  const args = ["tasks", "checkpoint", "--image-path", `${checkpoints}/two`, container.id];
  const { code, stderr } = await node.ctr().run(args);
  strictEqual(code, 0, stderr);
  const counted = await lastTick(container);
  await pod.remove();

  const again = await node.runPod({ name: "after", annotations: { "io.kuasar.gvisor.restore": "two" } });
  const first = await again.run({ name: "c", image, command: COUNTER });
  const second = await again.run({ name: "beside", image, command: COUNTER });
  await first.waitForLog(`tick ${counted + 5}`);
  await second.waitForLog("tick ");
  ok(Number((await first.logLines())[0]!.split(" ")[1]) > 1, "it does not begin anew");
  ok(Number((await second.logLines())[0]!.split(" ")[1]) > 1, "nor does the other");
  ok(
    (await first.exec(["ip", "addr"])).stdout.includes(`${await again.ip()}/`),
    "its address is the new pod's",
  );
  await first.stop(0);
  await first.remove();
  // What takes its place afterwards, as after a crash, starts.
  const restarted = await again.run({ name: "c", image, command: ["echo", "anew"] });
  strictEqual((await restarted.waitForExit()).exitCode, 0);
  await again.remove();

  await rejects(
    node.runPod({ name: "none", annotations: { "io.kuasar.gvisor.restore": "three" } }),
    /three is no checkpoint of a pod of ours/,
  );
  await rejects(
    node.runPod({ name: "out", annotations: { "io.kuasar.gvisor.restore": "../two" } }),
    /must be the name of a checkpoint/,
  );
  await Deno.remove(checkpoints, { recursive: true });
});

async function lastTick(container: { logLines(): Promise<string[]> }): Promise<number> {
  return Number((await container.logLines()).at(-1)!.split(" ")[1]);
}

e2e("a volume that a pod calls its own is one file system to its containers", node, async (node) => {
  const source = `${node.runDir}/hinted`;
  await Deno.mkdir(source);
  const hint = "dev.gvisor.spec.mount.v";
  const annotations = { [`${hint}.source`]: source, [`${hint}.type`]: "tmpfs", [`${hint}.share`]: "pod" };
  const pod = await node.runPod({ name: "hinted", annotations });
  const image = await node.image("busybox");
  const program = await staticProgram("file_probe");
  const probe = program.slice(0, program.lastIndexOf("/"));
  const mounts = [
    { containerPath: "/v", hostPath: source },
    { containerPath: "/again", hostPath: source },
    { containerPath: "/probe", hostPath: probe, readonly: true },
  ];
  const [a, b] = [
    await pod.run({ name: "a", image, command: ["sleep", "1000"], mounts }),
    await pod.run({ name: "b", image, command: ["sleep", "1000"], mounts }),
  ];
  const begin = async (args: string, says: string) => {
    const background = `(sleep 1000 | /probe/file_probe ${args}) </dev/null >/tmp/o 2>&1 &`;
    const line =
      `rm -f /tmp/o; ${background} until grep -q . /tmp/o 2>/dev/null; do sleep 0.1; done; cat /tmp/o`;
    strictEqual((await a.shell(line)).stdout, `${says}\n`);
  };
  await begin("listen /v/s.sock", "listening");
  strictEqual((await b.exec(["/probe/file_probe", "connect", "/v/s.sock"])).stdout, "hello\n");
  await begin("lock /v/lock", "locked");
  for (const at of ["/v", "/again"]) {
    strictEqual(
      (await b.exec(["/probe/file_probe", "try-lock", `${at}/lock`])).stdout,
      "flock: EAGAIN\n",
      at,
    );
  }
  await Deno.mkdir(`${source}/part`);
  const part = [{ containerPath: "/part", hostPath: `${source}/part` }];
  await rejects(pod.run({ name: "c", image, command: ["true"], mounts: part }), /is a part of the volume v/);
  await pod.remove();
  await Deno.remove(source, { recursive: true });
  await rejects(
    node.runPod({ name: "wrong", annotations: { [`${hint}.type`]: "nfs" } }),
    /dev\.gvisor\.spec\.mount\.v\.type: it must match/,
  );
});
