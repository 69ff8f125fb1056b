/** What containerd relies on in the Task API and CRI shows only when it goes wrong. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { hostTools } from "../../deploy/host/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import type { Node } from "../harness/mod.ts";
import { e2eOurs, useNode } from "./fixture.ts";
import { type OwnTask, STATUS, TaskConnection, writeBundle } from "./task_api.ts";

const node = useNode();
const [SIGTERM, SIGKILL] = [15, 9];
const UNLIMITED = (1n << 64n) - 1n;

const code = (wanted: KuasarError["code"]) => (error: KuasarError) => {
  strictEqual(error.code, wanted, error.message);
  return true;
};

type Task = TaskConnection["task"];

/** Creates a task in a pod of its own, and takes both away. */
async function withTask(
  node: Node,
  name: string,
  args: readonly string[],
  run: (task: Task, own: OwnTask) => Promise<void>,
  terminal = false,
): Promise<void> {
  const pod = await node.runPod({ name });
  const rootfs = `${node.runDir}/rootfs-${name}`;
  await Deno.mkdir(`${rootfs}/bin`, { recursive: true });
  for (const program of ["busybox", "sh"]) {
    await Deno.copyFile(hostTools().busyboxStatic, `${rootfs}/bin/${program}`);
  }
  const own = await writeBundle(node, pod, `${name}-task`, args, terminal);
  const connection = await TaskConnection.open(node);
  try {
    const { pid } = await connection.task.create({
      id: own.id,
      bundle: own.bundle,
      rootfs: [{ type: "bind", source: rootfs, target: "", options: ["rbind", "rw"] }],
      terminal,
      stdin: "",
      stdout: own.stdout,
      stderr: own.stderr,
      checkpoint: "",
      parentCheckpoint: "",
      options: undefined,
    });
    ok(pid > 0, "a pid of 0 makes containerd skip kill and wait");
    await run(connection.task, own);
  } finally {
    await connection.close();
    await own.remove();
    await pod.remove();
    await Deno.remove(rootfs, { recursive: true });
  }
}

/** Reads a FIFO to its end. */
async function readAll(path: string): Promise<string> {
  const file = await Deno.open(path, { read: true });
  return await new Response(file.readable).text();
}

e2eOurs("a task's pid is one and the same wherever it is told", node, async (node) => {
  await withTask(node, "pid", ["sh", "-c", "exec busybox sleep 100"], async (task, { id }) => {
    const connected = await task.connect({ id });
    strictEqual(connected.version, "3");
    const { pid } = await task.start({ id, execId: "" });
    const state = await task.state({ id, execId: "" });
    const { processes } = await task.pids({ id });
    ok(processes.length >= 1, "containerd takes a task without processes for a leak");
    deepStrictEqual(
      [state.pid, pid, ...processes.map((p) => p.pid)],
      Array(2 + processes.length).fill(connected.taskPid),
    );
    // The server is the node's: it does not end with a container.
    await task.shutdown({ id, now: true });
    strictEqual((await task.state({ id, execId: "" })).status, STATUS.running);
    await rejects(task.delete({ id, execId: "" }), code("FAILED_PRECONDITION"));
    await task.kill({ id, execId: "", signal: SIGKILL, all: true });
    await task.wait({ id, execId: "" });
    await task.delete({ id, execId: "" });
  });
});

e2eOurs("a task whose streams are refused leaves its id free", node, async (node) => {
  const pod = await node.runPod({ name: "refused" });
  const own = await writeBundle(node, pod, "refused-task", ["sh"]);
  const connection = await TaskConnection.open(node);
  const create = () =>
    connection.task.create({
      id: own.id,
      bundle: own.bundle,
      rootfs: [],
      terminal: false,
      stdin: "",
      stdout: "ttrpc+unix:///run/task.sock?streaming_id=../x-stdout",
      stderr: "",
      checkpoint: "",
      parentCheckpoint: "",
      options: undefined,
    });
  try {
    for (let i = 0; i < 2; i++) await rejects(create(), code("INVALID_ARGUMENT"));
  } finally {
    await connection.close();
    await own.remove();
    await pod.remove();
  }
});

e2eOurs("an ended process is told to all who wait, until it is deleted", node, async (node) => {
  await withTask(
    node,
    "ended",
    ["sh", "-c", "echo out; exit 3"],
    async (task, { id, bundle, stdout, stderr }) => {
      const output = [readAll(stdout), readAll(stderr)];
      const early = Array.from({ length: 3 }, () => task.wait({ id, execId: "" }));
      await task.start({ id, execId: "" });
      const exits = await Promise.all([...early, task.wait({ id, execId: "" })]);
      deepStrictEqual(exits.map(({ exitStatus }) => exitStatus), [3, 3, 3, 3]);
      ok(exits.every(({ exitedAt }) => (exitedAt?.seconds ?? 0n) > 0n));
      // containerd waits for the end of the streams without a limit before it deletes.
      deepStrictEqual(await Promise.all(output), ["out\n", ""]);
      const state = await task.state({ id, execId: "" });
      deepStrictEqual(
        {
          status: state.status,
          exit: state.exitStatus,
          bundle: state.bundle,
          stdout: state.stdout,
          stdin: state.stdin,
        },
        { status: STATUS.stopped, exit: 3, bundle, stdout, stdin: "" },
      );
      await rejects(task.kill({ id, execId: "", signal: SIGTERM, all: false }), code("NOT_FOUND"));
      strictEqual((await task.pids({ id })).processes.length > 0, true);
      strictEqual((await task.delete({ id, execId: "" })).exitStatus, 3);
      await rejects(task.state({ id, execId: "" }), code("NOT_FOUND"));
      await rejects(task.delete({ id, execId: "" }), code("NOT_FOUND"));
    },
  );
});

e2eOurs("an exec's labels, which are of the host's kernel, stop none in a guest", node, async (node) => {
  await withTask(node, "labels", ["sh", "-c", "exec busybox sleep 100"], async (task, { id }) => {
    await task.start({ id, execId: "" });
    const process = {
      cwd: "/",
      args: ["busybox", "true"],
      env: ["PATH=/bin"],
      user: { uid: 0, gid: 0 },
      // As containerd gives them to each exec where the host has both.
      apparmorProfile: "cri-containerd.apparmor.d",
      selinuxLabel: "system_u:system_r:container_t:s0:c1,c2",
    };
    const value = new TextEncoder().encode(JSON.stringify(process));
    const spec = { typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process", value };
    await task.exec({ id, execId: "e", terminal: false, stdin: "", stdout: "", stderr: "", spec });
    await task.start({ id, execId: "e" });
    strictEqual((await task.wait({ id, execId: "e" })).exitStatus, 0);
    await task.delete({ id, execId: "e" });
    await task.kill({ id, execId: "", signal: SIGKILL, all: true });
    await task.wait({ id, execId: "" });
    await task.delete({ id, execId: "" });
  });
});

e2eOurs("a kill ends a task that was never started", node, async (node) => {
  await withTask(node, "unstarted", ["sh"], async (task, { id, stdout, stderr }) => {
    strictEqual((await task.state({ id, execId: "" })).status, STATUS.created);
    const waiting = task.wait({ id, execId: "" });
    const output = [readAll(stdout), readAll(stderr)];
    await task.kill({ id, execId: "", signal: SIGKILL, all: true });
    strictEqual((await waiting).exitStatus, 128 + SIGKILL);
    deepStrictEqual(await Promise.all(output), ["", ""]);
    strictEqual((await task.state({ id, execId: "" })).status, STATUS.stopped);
    await task.delete({ id, execId: "" });
  });
});

e2eOurs("a terminal has no stderr, though containerd names one", node, async (node) => {
  await withTask(node, "terminal", ["sh", "-c", "echo tty >&2"], async (task, { id, stdout }) => {
    const output = readAll(stdout);
    await task.start({ id, execId: "" });
    strictEqual((await task.wait({ id, execId: "" })).exitStatus, 0);
    strictEqual(await output, "tty\r\n");
    await task.delete({ id, execId: "" });
  }, true);
});

e2eOurs("stats are of the type that containerd compares letter by letter", node, async (node) => {
  await withTask(node, "stats", ["sh", "-c", "exec busybox sleep 100"], async (task, { id }) => {
    await task.start({ id, execId: "" });
    const { stats } = await task.stats({ id });
    strictEqual(stats?.typeUrl, "io.containerd.cgroups.v2.Metrics");
    const { cpu, memory, pids } = Metrics.decode(stats.value);
    ok((cpu?.usageUsec ?? 0n) > 0n && (pids?.current ?? 0n) >= 1n);
    // 0 would leave less than nothing available.
    strictEqual(memory?.usageLimit, UNLIMITED);
    await task.kill({ id, execId: "", signal: SIGKILL, all: true });
    await task.wait({ id, execId: "" });
    await task.delete({ id, execId: "" });
  });
});

e2eOurs("the Task API answers as version 2 too", node, async (node) => {
  const pod = await node.runPod({ name: "v2" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  const old = await TaskConnection.open(node, "containerd.task.v2.Task");
  strictEqual((await old.task.state({ id: container.id, execId: "" })).status, STATUS.running);
  await old.close();
  await pod.remove();
});
