/** Tasks and pods of a containerd that does not call the Sandbox API for them: it runs our shim program. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { shimHandler, shimRuntimeType } from "../../deploy/containerd/mod.ts";
import { shimBinary } from "../../deploy/drivers.ts";
import { hostTools } from "../../deploy/host/mod.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { cgroupFolders, makeCgroup, processesIn, removeCgroup } from "../../lib/cgroups/mod.ts";
import { findProcesses, type Input, type Node, PAUSE_REF } from "../harness/mod.ts";
import { checkKernel, e2eOurs, imageArchive, underVm, useNode } from "./fixture.ts";
import { checkShimPod, shimProcesses } from "./shim_pod.ts";

const node = useNode({ pauseImage: PAUSE_REF });

/** A namespace of containerd that the CRI plugin does not look at. */
const NAMESPACE = "tasks";
const IMAGE = "docker.io/library/busybox:kuasar";

let imported: Node | undefined;

/** `ctr` on a node whose namespace {@link NAMESPACE} has the image. */
async function taskCtr(node: Node) {
  if (imported !== node) await node.importImage(imageArchive("busybox"), NAMESPACE);
  imported = node;
  return node.ctr(NAMESPACE);
}

/** `ctr run` with our runtime; its FIFOs are in the run directory, where what is left of them would be seen. */
async function run(
  node: Node,
  flags: readonly string[],
  id: string,
  { command, input }: { command: readonly string[]; input?: Input },
) {
  const fifos = `${node.runDir}/fifos`;
  await Deno.mkdir(fifos, { recursive: true });
  const runtime = ["--runtime", shimRuntimeType(node.handler)];
  const args = ["run", ...runtime, "--fifo-dir", fifos, ...flags, IMAGE, id, ...command];
  return (await taskCtr(node)).run(args, input);
}

function exec(node: Node, id: string, ...command: string[]) {
  return execWithInput(node, undefined, id, ...command);
}

async function execWithInput(node: Node, input: Input | undefined, id: string, ...command: string[]) {
  const flags = ["--fifo-dir", `${node.runDir}/fifos`, "--exec-id", `e${crypto.randomUUID().slice(0, 8)}`];
  return (await taskCtr(node)).run(["tasks", "exec", ...flags, id, ...command], input);
}

async function taskStatus(node: Node, id: string): Promise<string | undefined> {
  const { stdout } = await (await taskCtr(node)).run(["tasks", "ls"]);
  return stdout.split("\n").map((line) => line.split(/\s+/)).find(([task]) => task === id)?.[2];
}

async function waitForStatus(node: Node, id: string, wanted: string): Promise<void> {
  let status: string | undefined;
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 100) {
    status = await taskStatus(node, id);
    if (status === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  strictEqual(status, wanted);
}

/** Removes a task that has ended, and its container. */
async function removeTask(node: Node, id: string): Promise<void> {
  const ctr = await taskCtr(node);
  for (const args of [["tasks", "rm", id], ["containers", "rm", id]]) {
    const { code, stderr } = await ctr.run(args);
    strictEqual(code, 0, stderr);
  }
}

/** The names in a /proc/net/dev. */
function interfacesIn(text: string): string[] {
  return [...text.matchAll(/^\s*([\w.@-]+):/gm)].map(([, name]) => name!).sort();
}

/** A test that leaves no task over, however it ends: others could not tell theirs from it. */
function tasks(name: string, test: (node: Node) => Promise<void>): void {
  e2eOurs(name, node, async (node) => {
    try {
      await test(node);
    } finally {
      const ctr = await taskCtr(node);
      const { stdout } = await ctr.run(["containers", "ls", "-q"]);
      for (const id of stdout.split("\n").filter(Boolean)) {
        await ctr.run(["tasks", "rm", "--force", id]);
        await ctr.run(["containers", "rm", id]);
      }
    }
  });
}

tasks("ctr run shows the output, both streams, and the exit code", async (node) => {
  const { code, stdout, stderr } = await run(
    node,
    ["--rm"],
    "output",
    { command: ["sh", "-c", "echo to stdout; echo to stderr >&2; uname -r; exit 42"] },
  );
  strictEqual(code, 42, stderr);
  const [first, kernel] = stdout.trim().split("\n");
  strictEqual(first, "to stdout");
  checkKernel(kernel!);
  match(stderr, /to stderr/);
});

tasks("ctr run hands stdin to the container, and its end", async (node) => {
  const { code, stdout, stderr } = await run(node, ["--rm"], "stdin", {
    command: ["sh", "-c", "echo ready; cat; echo end"],
    input: { after: "ready\n", text: "a line\nanother\n" },
  });
  deepStrictEqual([code, stdout], [0, "ready\na line\nanother\nend\n"], stderr);
});

tasks("an input that is over before there is a task to tell it of has ended", async (node) => {
  const { code, stdout, stderr } = await run(node, ["--rm"], "at-once", {
    command: ["sh", "-c", "cat; echo end"],
    input: { text: "all at once\n" },
  });
  deepStrictEqual([code, stdout], [0, "all at once\nend\n"], stderr);
});

tasks("a task in the background takes execs, outlives containerd and is killed", async (node) => {
  strictEqual((await run(node, ["-d"], "sleeper", { command: ["sleep", "1000"] })).code, 0);
  strictEqual(await taskStatus(node, "sleeper"), "RUNNING");
  deepStrictEqual(shimProcesses(node), [], "a running task has no shim process");
  // One that comes over the Sandbox API is not disturbed by it.
  const pod = await node.runPod({ name: "beside" });
  const first = await exec(node, "sleeper", "sh", "-c", "echo from an exec; exit 7");
  deepStrictEqual([first.code, first.stdout], [7, "from an exec\n"], first.stderr);
  const second = await execWithInput(node, { text: "all at once\n" }, "sleeper", "cat");
  deepStrictEqual([second.code, second.stdout], [0, "all at once\n"], second.stderr);

  await node.restartContainerd();
  strictEqual(await taskStatus(node, "sleeper"), "RUNNING");
  strictEqual((await exec(node, "sleeper", "echo", "still there")).stdout, "still there\n");
  ok(await pod.isReady());
  await pod.remove();

  const ctr = await taskCtr(node);
  strictEqual((await ctr.run(["tasks", "rm", "sleeper"])).code, 1, "a running task is not removed");
  strictEqual((await ctr.run(["tasks", "kill", "-s", "SIGKILL", "sleeper"])).code, 0);
  await waitForStatus(node, "sleeper", "STOPPED");
  await removeTask(node, "sleeper");
  strictEqual(await taskStatus(node, "sleeper"), undefined);
});

tasks("of two tasks one may have the beginning of the other's id", async (node) => {
  const ids = ["task", "task-2"];
  for (const id of ids) strictEqual((await run(node, ["-d"], id, { command: ["sleep", "1000"] })).code, 0);
  for (const id of ids) strictEqual((await exec(node, id, "echo", id)).stdout, `${id}\n`);
  for (const id of ids) {
    strictEqual((await (await taskCtr(node)).run(["tasks", "kill", "-s", "SIGKILL", id])).code, 0);
    await waitForStatus(node, id, "STOPPED");
    await removeTask(node, id);
  }
});

if (underVm) {
  tasks("a task whose machine dies is stopped and can be removed", async (node) => {
    strictEqual((await run(node, ["-d"], "victim", { command: ["sleep", "1000"] })).code, 0);
    // The sandbox of a task without one has the task's id.
    const pids = findProcesses(/./, `/victim/`).concat(findProcesses(/./, `/victim,`));
    ok(pids.length > 0, "the task has a machine");
    for (const pid of pids) Deno.kill(pid, "SIGKILL");
    await waitForStatus(node, "victim", "STOPPED");
    await removeTask(node, "victim");
  });
}

tasks("a task on the host's network has no NIC of its own", async (node) => {
  const hosts = () => interfacesIn(Deno.readTextFileSync("/proc/net/dev"));
  const before = hosts();
  const { code, stdout, stderr } = await run(node, ["--rm", "--net-host"], "hostnet", {
    command: ["cat", "/proc/net/dev"],
  });
  strictEqual(code, 0, stderr);
  if (underVm) return ok(!stdout.includes("eth0"), "in a guest there is no network of the host's");
  // Those of others come and go meanwhile.
  const [after, seen] = [hosts(), interfacesIn(stdout)];
  const stayed = before.filter((name) => after.includes(name));
  deepStrictEqual(stayed.filter((name) => !seen.includes(name)), [], `all of the host's are in: ${stdout}`);
});

tasks("a task's output goes to a program, and to a file", async (node) => {
  const dir = `${node.runDir}/log`;
  await Deno.mkdir(dir, { recursive: true });
  // Streams are 3 and 4, and 5 is closed when it reads (containerd, runtime v2, logging).
  const script = `#!/bin/sh
exec 5>&-
cat <&4 > "$2/$CONTAINER_ID.err" & cat <&3 > "$2/$CONTAINER_ID.out"
wait
echo "$CONTAINER_NAMESPACE $1" > "$2/$CONTAINER_ID.end"
`;
  await Deno.writeTextFile(`${dir}/logger`, script, { mode: 0o755 });
  const command = ["sh", "-c", "echo to stdout; echo to stderr >&2"];
  const log = async (id: string, uri: string) => {
    const { code, stderr } = await run(node, ["-d", "--log-uri", uri], id, { command });
    strictEqual(code, 0, stderr);
    await waitForStatus(node, id, "STOPPED");
    await removeTask(node, id);
  };
  const read = (name: string) => Deno.readTextFile(`${dir}/${name}`);
  await log("to-program", `binary://${dir}/logger?dir=${encodeURIComponent(dir)}`);
  strictEqual(await read("to-program.out"), "to stdout\n");
  strictEqual(await read("to-program.err"), "to stderr\n");
  strictEqual(await read("to-program.end"), `${NAMESPACE} dir\n`, "a task is removed when all is read");
  // Whose sandbox runs the task's server itself has nothing but FIFOs.
  if (node.handler === "kuasar-quark") return;
  await log("to-file", `file://${dir}/new/file`);
  const lines = (await read("new/file")).trim().split("\n").sort();
  deepStrictEqual(lines, ["to stderr", "to stdout"]);
});

tasks("a program that cannot log fails the task and leaves nothing", async (node) => {
  const { code, stderr } = await run(node, ["-d", "--log-uri", "binary:///no/such/program"], "unlogged", {
    command: ["true"],
  });
  strictEqual(code, 1);
  match(stderr, /Cannot log to \/no\/such\/program/);
});

tasks("hooks of a task run on the host, with its network namespace", async (node) => {
  const dir = `${node.runDir}/hooks`;
  await Deno.mkdir(`${dir}/rootfs/bin`, { recursive: true });
  await Deno.copyFile(hostTools().busyboxStatic, `${dir}/rootfs/bin/busybox`);
  for (const name of ["dev", "proc", "sys", "run", "tmp", "etc"]) {
    await Deno.mkdir(`${dir}/rootfs/${name}`, { recursive: true });
  }
  const { stdout } = await (await taskCtr(node)).run(["oci", "spec"]);
  const spec = JSON.parse(stdout);
  // What the hook puts into the network namespace is there when the task begins.
  const script = `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
cat > "${dir}/$1"
[ "$1" = createRuntime ] || exit 0
pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/' "${dir}/$1")
nsenter --net=/proc/$pid/ns/net ip link add hooked0 type veth peer name hooked1
nsenter --net=/proc/$pid/ns/net ip addr add 10.99.0.7/24 dev hooked0
nsenter --net=/proc/$pid/ns/net ip link set hooked1 up
nsenter --net=/proc/$pid/ns/net ip link set hooked0 up
`;
  await Deno.writeTextFile(`${dir}/hook`, script, { mode: 0o755 });
  const hook = (kind: string) => [{ path: `${dir}/hook`, args: ["hook", kind] }];
  const config = {
    ...spec,
    root: { path: `${dir}/rootfs` },
    process: { ...spec.process, args: ["/bin/busybox", "ip", "addr"], terminal: false },
    hooks: { createRuntime: hook("createRuntime"), poststop: hook("poststop") },
    annotations: { of: "the task" },
    linux: { ...spec.linux, cgroupsPath: "/tasks/hooked" },
  };
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
  const fifos = ["--fifo-dir", `${node.runDir}/fifos`];
  const args = ["--runtime", shimRuntimeType(node.handler), "--config", `${dir}/config.json`];
  const { code, stdout: shown, stderr } = await (await taskCtr(node)).run([
    "run",
    "--rm",
    ...fifos,
    ...args,
    "hooked",
  ]);
  strictEqual(code, 0, stderr);
  match(shown, /10\.99\.0\.7\/24/);
  const state = async (name: string) => JSON.parse(await Deno.readTextFile(`${dir}/${name}`));
  const { id, annotations } = await state("createRuntime");
  deepStrictEqual([id, annotations.of], ["hooked", "the task"]);
  deepStrictEqual((await state("poststop")).id, "hooked");
});

tasks("a command that is not in the image is an error that names it", async (node) => {
  const { code, stderr } = await run(node, ["--rm"], "nothing", { command: ["/no/such/command"] });
  ok(code !== 0);
  match(stderr, /\/no\/such\/command/);
});

tasks("CRI pods with a pause container are pods like others", async (node) => {
  await checkShimPod(node, shimHandler(node.handler), true);
  // After its restart containerd connects to the sandboxer only when it needs it.
  await (await node.runPod({ name: "beside" })).remove();
});

tasks("a pod with a pause container is in the cgroup that its kubelet has made", async (node) => {
  const cgroupParent = `/kuasar-shim-${Deno.pid}`;
  const folders = makeCgroup(cgroupParent);
  try {
    const pod = await node.runPod({ name: "parent", cgroupParent, handler: shimHandler(node.handler) });
    const image = await node.image("busybox");
    await pod.run({ name: "c", image, command: ["sleep", "1000"] });
    for (const folder of folders) {
      const pods = cgroupFolders(`${cgroupParent}/kuasar_${pod.id}`).filter((own) => own.startsWith(folder));
      ok(pods.some((own) => processesIn([own]).length > 0), `${folder} has the pod's processes`);
    }
    await pod.remove();
  } finally {
    await removeCgroup(folders);
  }
});

Deno.test("the shim programs tell their name and version without a task server", async () => {
  // The agent under the name of a shim, as every installation has it.
  const dir = await Deno.makeTempDir({ prefix: "shim-" });
  const program = `${dir}/${shimBinary("io.containerd.kuasar-vmm.v2")}`;
  await Deno.symlink(`${buildDir}/guest/agent`, program);
  const call = async (...args: string[]) => {
    const env = { KUASAR_RUN_DIR: "/no/such/dir" };
    const { code, stdout, stderr } = await new Deno.Command(program, { args, env }).output();
    return {
      code,
      stdout: new TextDecoder("latin1").decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  };
  const version = await call("-v");
  strictEqual(version.code, 0);
  match(version.stdout, /^containerd-shim-kuasar-vmm-v2:\n {2}Version: {2}\d+\.\d+\.\d+\n$/);
  const info = await call("-info");
  strictEqual(info.code, 0);
  ok(info.stdout.startsWith("\n\x1bio.containerd.kuasar-vmm.v2"), JSON.stringify(info.stdout));
  const start = await call("-namespace", "default", "-id", "x", "start");
  strictEqual(start.code, 1);
  match(start.stderr, /no task server at \/no\/such\/dir\/task\.sock/);
  strictEqual((await call("remove")).code, 2);
  await Deno.remove(dir, { recursive: true });
});
