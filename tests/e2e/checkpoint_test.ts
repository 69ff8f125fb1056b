/** Checkpoints by CRIU of containers on the host's own kernel, and containers that are made from them. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { shimRuntimeType } from "../../deploy/containerd/mod.ts";
import { hostTools } from "../../deploy/host/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { CheckpointOptions } from "../../lib/proto/gen/containerd/runc/v1/options.ts";
import type { Node, Pod } from "../harness/mod.ts";
import { e2eRunc, handlerUnderTest, imageArchive, programsFor, useNode } from "./fixture.ts";
import { criuUsable, LinkedCriu } from "./linked_criu.ts";
import { OwnContainer } from "./own_container.ts";
import { STATUS } from "./task_api.ts";

const criu = new LinkedCriu();

const node = useNode(async () => {
  const programs = await programsFor(handlerUnderTest());
  return { programs: { ...programs, tools: { ...programs.tools, criu: criu.path } } };
});

const COUNTER = "i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.1; done";
const BUSYBOX = "docker.io/library/busybox:kuasar";

const usable = await criuUsable(hostTools().criu);

/** A test that needs CRIU to work with this kernel. */
function checkpoints(name: string, run: (node: Node) => Promise<void>): void {
  if (usable === true) e2eRunc(name, node, run);
  else Deno.test.ignore(`${name} (CRIU does not work here: ${usable})`, () => {});
}

function options(change: Partial<CheckpointOptions> = {}) {
  const value = CheckpointOptions.encode({ ...CheckpointOptions.decode(new Uint8Array()), ...change })
    .finish();
  return { typeUrl: "containerd.runc.v1.CheckpointOptions", value: value as Uint8Array<ArrayBuffer> };
}

const failsWith = (code: KuasarError["code"], pattern: RegExp) => (error: KuasarError) => {
  strictEqual(error.code, code, error.message);
  match(error.message, pattern);
  return true;
};

function numbersOf(lines: readonly string[]): number[] {
  return lines.map((line) => Number(/tick (\d+)/.exec(line)?.[1] ?? NaN)).filter(Number.isFinite);
}

/** Runs two pods and a directory for checkpoints, and takes all of it away. */
async function withPods(node: Node, name: string, run: (one: Pod, other: Pod, dir: string) => Promise<void>) {
  const dir = await Deno.makeTempDir({ dir: node.runDir, prefix: "checkpoint-" });
  const [one, other] = [await node.runPod({ name: `${name}-1` }), await node.runPod({ name: `${name}-2` })];
  try {
    await run(one, other, dir);
  } finally {
    await one.remove();
    await other.remove();
    await Deno.remove(dir, { recursive: true });
  }
}

checkpoints("a container goes on in another pod from where it was", async (node) => {
  await withPods(node, "restore", async (one, other, dir) => {
    const path = `${dir}/image`;
    await using source = await OwnContainer.create(node, one, "source", ["sh", "-c", COUNTER]);
    await source.start();
    await source.output.waitFor("tick 5");
    const { id, task } = source;
    // It goes on when asked to, and is checkpointed once more, after which it does not.
    await task.checkpoint({ id, path: `${dir}/first`, options: options() });
    const seen = numbersOf(source.output.lines).at(-1)!;
    await source.output.waitFor(`tick ${seen + 3}`);
    await task.checkpoint({ id, path, options: options({ exit: true, workPath: `${dir}/work` }) });
    strictEqual((await task.wait({ id, execId: "" })).exitStatus, 137);
    const last = numbersOf(source.output.lines).at(-1)!;
    await task.delete({ id, execId: "" });
    ok((await Deno.stat(`${dir}/work/dump.log`)).size > 0, "CRIU's files are where they were asked for");

    await using restored = await OwnContainer.create(node, other, "restored", ["sh", "-c", COUNTER], {
      checkpoint: path,
    });
    const before = await task.state({ id: restored.id, execId: "" });
    deepStrictEqual([before.status, before.pid], [STATUS.created, 0]);
    const { pid } = await restored.start();
    await restored.output.waitFor(`tick ${last + 5}`);
    const numbers = numbersOf(restored.output.lines);
    ok(
      numbers[0]! > last - 2 && numbers[0]! <= last + 2,
      `it began with ${numbers[0]}, and not after ${last}`,
    );
    strictEqual((await task.state({ id: restored.id, execId: "" })).pid, pid);
    ok((await task.pids({ id: restored.id })).processes.some((process) => process.pid === pid));
    // It is the new pod's in every hierarchy, and nobody's any more.
    const cgroups = await Deno.readTextFile(`/proc/${pid}/cgroup`);
    ok(!cgroups.includes(one.id) && cgroups.includes(other.id), cgroups);
    strictEqual(await netnsOf(pid), await netnsOf(await podPid(node, other)), "the network is the new pod's");
    await task.kill({ id: restored.id, execId: "", signal: 9, all: false });
    strictEqual((await task.wait({ id: restored.id, execId: "" })).exitStatus, 137);
  });
});

checkpoints("the task server may die between a restore and the container's end", async (node) => {
  await withPods(node, "death", async (one, other, dir) => {
    await using source = await OwnContainer.create(node, one, "source", ["sh", "-c", `${COUNTER} & wait`]);
    await source.start();
    await source.output.waitFor("tick 3");
    await source.task.checkpoint({ id: source.id, path: dir, options: options({ exit: true }) });
    await using restored = await OwnContainer.create(node, other, "restored", ["true"], { checkpoint: dir });
    const { pid } = await restored.start();
    await restored.restartServer();
    strictEqual((await restored.task.state({ id: restored.id, execId: "" })).pid, pid);
    const seen = numbersOf(restored.output.lines).at(-1) ?? 0;
    await restored.output.waitFor(`tick ${seen + 3}`);
    // What it has written down is enough for another checkpoint.
    await restored.task.checkpoint({ id: restored.id, path: `${dir}/again`, options: options() });
  });
});

checkpoints("a terminal is restored too", async (node) => {
  await withPods(node, "terminal", async (one, other, dir) => {
    const flags = { terminal: true };
    await using source = await OwnContainer.create(node, one, "source", ["sh", "-c", COUNTER], flags);
    await source.start();
    await source.output.waitFor("tick 3");
    await source.task.checkpoint({ id: source.id, path: dir, options: options({ exit: true }) });
    await source.task.wait({ id: source.id, execId: "" });
    const last = numbersOf(source.output.lines).at(-1)!;
    await using restored = await OwnContainer.create(node, other, "restored", ["true"], {
      ...flags,
      checkpoint: dir,
    });
    await restored.start();
    await restored.output.waitFor(`tick ${last + 3}`);
    await restored.task.resizePty({ id: restored.id, execId: "", width: 99, height: 33 });
  });
});

checkpoints("a dump that fails says why, and the container goes on", async (node) => {
  await withPods(node, "fails", async (one, _other, dir) => {
    const script = `sleep 1000 | nc -l -p 4711 & sleep 0.3; sleep 1000 | nc 127.0.0.1 4711 & ${COUNTER}`;
    await using own = await OwnContainer.create(node, one, "connected", ["sh", "-c", script]);
    await own.start();
    await own.output.waitFor("tick 8");
    const { id, task } = own;
    await rejects(
      task.checkpoint({ id, path: `${dir}/refused`, options: options() }),
      failsWith(
        "INTERNAL",
        /Cannot checkpoint container .*--tcp-established.*all of it in .*criu-dump\.log/s,
      ),
    );
    const seen = numbersOf(own.output.lines).at(-1)!;
    await own.output.waitFor(`tick ${seen + 3}`);
    await rejects(
      task.checkpoint({ id, path: dir, options: options({ emptyNamespaces: ["mount"] }) }),
      failsWith("INVALID_ARGUMENT", /empty_namespaces/),
    );
  });
});

checkpoints("a host without CRIU says what is missing", async (node) => {
  await withPods(node, "absent", async (one, other, dir) => {
    await using own = await OwnContainer.create(node, one, "own", ["sh", "-c", COUNTER]);
    await own.start();
    await own.output.waitFor("tick 2");
    const { id, task } = own;
    const missing = failsWith("FAILED_PRECONDITION", /there is no CRIU at .*install the package criu/);
    await criu.without(async () => {
      await rejects(task.checkpoint({ id, path: `${dir}/a`, options: options() }), missing);
      await rejects(OwnContainer.create(node, other, "none", ["true"], { checkpoint: dir }), missing);
    });
    await rejects(
      (async () => {
        await using none = await OwnContainer.create(node, other, "nothing", ["true"], { checkpoint: dir });
        await none.start();
      })(),
      failsWith("NOT_FOUND", /there is no checkpoint of CRIU's/),
    );
    const seen = numbersOf(own.output.lines).at(-1)!;
    await own.output.waitFor(`tick ${seen + 3}`);
  });
});

checkpoints("CRI writes a checkpoint into an archive", async (node) => {
  const pod = await node.runPod({ name: "cri" });
  const container = await pod.run({ name: "c", image: BUSYBOX, command: ["sh", "-c", COUNTER] });
  await container.waitForLog("tick 3");
  const archive = `${node.runDir}/checkpoint.tar`;
  await container.checkpoint(archive);
  const { stdout } = await new Deno.Command("tar", { args: ["-tf", archive] }).output();
  const names = new TextDecoder().decode(stdout).split("\n");
  for (const wanted of ["checkpoint/inventory.img", "checkpoint/kuasar.json", "spec.dump"]) {
    ok(names.includes(wanted), `${wanted} is in ${names.join(" ")}`);
  }
  const seen = numbersOf(await container.logLines()).at(-1)!;
  await container.waitForLog(`tick ${seen + 3}`);
  await Deno.remove(archive);
  await pod.remove();
});

checkpoints("ctr checkpoints a task into an image and restores it", async (node) => {
  const namespace = "checkpoints";
  await node.importImage(imageArchive("busybox"), namespace);
  const ctr = node.ctr(namespace);
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await ctr.run(args);
    strictEqual(code, 0, `ctr ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const runtime = ["--runtime", shimRuntimeType(node.handler)];
  // What it counts is in a file, which is part of the image too.
  const script = "i=0; while true; do i=$((i+1)); echo $i > /count; sleep 0.1; done";
  await must("run", "--detach", ...runtime, BUSYBOX, "one", "sh", "-c", script);
  const count = async (id: string) =>
    Number(await must("tasks", "exec", "--exec-id", "e", id, "cat", "/count"));
  let reached = 0;
  while (reached < 3) reached = await count("one");
  await must("containers", "checkpoint", "--rw", "--image", "--task", "one", "localhost/checkpoint:1");
  await must("tasks", "kill", "--signal", "KILL", "one");
  await must("tasks", "rm", "--force", "one").catch(() => {});
  await must("containers", "rm", "one");
  // It stays until the task ends.
  const restored = ctr.run(["containers", "restore", "--rw", "--live", "two", "localhost/checkpoint:1"]);
  let continued = NaN;
  while (!(continued >= 0)) continued = await count("two").catch(() => NaN);
  ok(continued >= reached, "it has not begun anew");
  while (await count("two") < continued + 3);
  await must("tasks", "kill", "--signal", "KILL", "two");
  strictEqual((await restored).code, 0);
  await ctr.run(["tasks", "rm", "--force", "two"]);
  await must("containers", "rm", "two");
  await must("images", "rm", "localhost/checkpoint:1");
});

async function netnsOf(pid: number): Promise<string> {
  return await Deno.readLink(`/proc/${pid}/ns/net`);
}

/** The pid of a process of a container of its own in the pod. */
async function podPid(node: Node, pod: Pod): Promise<number> {
  const container = await pod.run({ name: "beside", image: BUSYBOX, command: ["sleep", "1000"] });
  const { stdout } = await node.ctr().run(["tasks", "ls"]);
  const line = stdout.split("\n").find((row) => row.startsWith(container.id));
  return Number(line?.split(/\s+/)[1]);
}
