import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { TaskOOM } from "../../lib/proto/gen/containerd/events/events.ts";
import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import type { ByteStream } from "../../lib/ttrpc/mod.ts";
import { type ContainerSpec, ociProcess, TestGuest } from "./vm.ts";

const MIB = 1 << 20;
const SIGTERM = 15;
const SIGKILL = 9;
/** containerd.task.v3 Status. */
const [CREATED, RUNNING, STOPPED, PAUSED] = [1, 2, 3, 4];

let guest: TestGuest;
Deno.test.beforeAll(async () => {
  guest = await TestGuest.start();
});
Deno.test.afterAll(async () => await guest.stop());

/** A test in the one guest; its console is shown when it fails. */
function test(name: string, run: () => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      try {
        await run();
      } catch (error) {
        console.error((await guest.console()).join("\n"));
        throw error;
      }
    },
  });
}

type Wanted = Partial<Record<"stdin" | "stdout" | "stderr", boolean>>;
type Streams = { [name in "stdin" | "stdout" | "stderr"]: ByteStream };

function stdio(wanted: Wanted) {
  const path = (name: keyof Wanted) => (wanted[name] ? name : "");
  return { stdin: path("stdin"), stdout: path("stdout"), stderr: path("stderr") };
}

async function open(id: string, execId: string, wanted: Wanted): Promise<Streams> {
  const streams: Partial<Streams> = {};
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    if (wanted[name]) streams[name] = await guest.stream(id, execId, name);
  }
  return streams as Streams;
}

async function create(id: string, spec: ContainerSpec, wanted: Wanted = {}): Promise<Streams> {
  const bundle = await guest.bundle(id, spec);
  await guest.task.create({
    id,
    bundle,
    rootfs: [],
    terminal: spec.terminal ?? false,
    ...stdio(wanted),
    checkpoint: "",
    parentCheckpoint: "",
    options: undefined,
  });
  return await open(id, "", wanted);
}

async function run(id: string, spec: ContainerSpec, wanted: Wanted = {}): Promise<Streams> {
  const streams = await create(id, spec, wanted);
  await guest.task.start({ id, execId: "" });
  return streams;
}

/** Prepares an exec; {@link guest.task.start} begins it. */
async function exec(
  id: string,
  execId: string,
  args: readonly string[],
  { terminal = false, ...wanted }: Wanted & { terminal?: boolean } = {},
): Promise<Streams> {
  const value = new TextEncoder().encode(JSON.stringify(ociProcess(args, terminal)));
  const spec = { typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process", value };
  await guest.task.exec({ id, execId, terminal, ...stdio(wanted), spec });
  return await open(id, execId, wanted);
}

async function finish(id: string, execId = ""): Promise<number> {
  const { exitStatus } = await guest.task.wait({ id, execId });
  const deleted = await guest.task.delete({ id, execId });
  strictEqual(deleted.exitStatus, exitStatus);
  return exitStatus;
}

async function kill(id: string, signal = SIGKILL, execId = ""): Promise<void> {
  await guest.task.kill({ id, execId, signal, all: false });
}

async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await stream.read(); piece !== null; piece = await stream.read()) pieces.push(piece);
  stream.close();
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

async function readText(stream: ByteStream): Promise<string> {
  return new TextDecoder().decode(await readAll(stream));
}

/** Reads until `text` has come. */
async function readUntil(stream: ByteStream, text: string): Promise<string> {
  let seen = "";
  while (!seen.includes(text)) {
    const piece = await stream.read();
    if (piece === null) throw new Error(`The stream ended before ${JSON.stringify(text)}: ${seen}`);
    seen += new TextDecoder().decode(piece);
  }
  return seen;
}

const encode = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function state(id: string, execId = ""): Promise<number> {
  return (await guest.task.state({ id, execId })).status;
}

/** Fds of the agent and what lies below /run that containers leave behind. */
async function footprint(): Promise<string[]> {
  const text = await guest.run(
    // The agent has closed the child's ends of the command's pipes, and its own of stdin, when that has ended.
    "sh -c 'cat; ls -l /proc/1/fd | sed s/.*-.//; ls /run/kuasar /run/crun /run/crun/state; ls -d /sys/fs/cgroup/kuasar/*/; " +
      'cut -d" " -f5 /proc/self/mountinfo\'',
  );
  // The command's own pipes are among the fds, each time with other numbers.
  return text.split("\n").map((line) => line.replace(/\[\d+\]/, "[]")).sort();
}

test("a container runs, gives its output and its exit code", async () => {
  const { stdout, stderr } = await run("c1", { args: ["sh", "-c", "echo out; echo err >&2; exit 42"] }, {
    stdout: true,
    stderr: true,
  });
  deepStrictEqual([await readText(stdout), await readText(stderr)], ["out\n", "err\n"]);
  strictEqual(await finish("c1"), 42);
  await rejects(guest.task.state({ id: "c1", execId: "" }), { code: "NOT_FOUND" });
});

test("states follow the container's life, and everyone who waits hears of its end", async () => {
  await create("c2", { args: ["sleep", "1000"] });
  strictEqual(await state("c2"), CREATED);
  const waiters = [1, 2].map(() => guest.task.wait({ id: "c2", execId: "" }));
  await rejects(create("c2b/..", { args: ["true"] }), { code: "INVALID_ARGUMENT" });
  await guest.task.start({ id: "c2", execId: "" });
  strictEqual(await state("c2"), RUNNING);
  await rejects(guest.task.start({ id: "c2", execId: "" }), { code: "FAILED_PRECONDITION" });
  await rejects(guest.task.delete({ id: "c2", execId: "" }), { code: "FAILED_PRECONDITION" });
  await guest.task.pause({ id: "c2" });
  strictEqual(await state("c2"), PAUSED);
  await guest.task.resume({ id: "c2" });
  strictEqual(await state("c2"), RUNNING);
  await kill("c2");
  deepStrictEqual((await Promise.all(waiters)).map((w) => w.exitStatus), [137, 137]);
  strictEqual(await state("c2"), STOPPED);
  await rejects(kill("c2"), { code: "NOT_FOUND" });
  strictEqual(await finish("c2"), 137);
});

test("SIGTERM gives 143, to a paused container after it goes on", async () => {
  const script = "trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done";
  const { stdout } = await run("c3", { args: ["sh", "-c", script] }, { stdout: true });
  await readUntil(stdout, "ready");
  await guest.task.pause({ id: "c3" });
  await kill("c3", SIGTERM);
  strictEqual(await state("c3"), PAUSED);
  await guest.task.resume({ id: "c3" });
  strictEqual(await finish("c3"), 143);
  stdout.close();
});

test("a paused container can be killed", async () => {
  await run("c4", { args: ["sleep", "1000"] });
  await guest.task.pause({ id: "c4" });
  await kill("c4");
  strictEqual(await finish("c4"), 137);
});

test("a created container can be killed and deleted", async () => {
  await create("c5", { args: ["sleep", "1000"] });
  await kill("c5", SIGTERM);
  strictEqual(await finish("c5"), 137);
  await create("c5b", { args: ["sleep", "1000"] });
  strictEqual((await guest.task.delete({ id: "c5b", execId: "" })).exitStatus, 137);
});

test("a container whose program is missing fails with the reason and leaves nothing", async () => {
  const before = await footprint();
  await rejects(
    async () => {
      await create("c6", { args: ["/no/such/program"] }, { stdout: true, stderr: true });
      await guest.task.start({ id: "c6", execId: "" });
    },
    ({ message }: Error) => {
      match(message, /no such file|not found/i);
      return true;
    },
  );
  await guest.task.delete({ id: "c6", execId: "" }).catch(() => {});
  deepStrictEqual(await footprint(), before);
});

test("1 MiB of stdin comes back, and CloseIO is its end", async () => {
  const sent = new Uint8Array(randomBytes(MIB));
  const { stdin, stdout } = await run("c7", { args: ["cat"] }, { stdin: true, stdout: true });
  const got = readAll(stdout);
  await stdin.write(sent);
  stdin.close();
  await guest.task.closeIO({ id: "c7", execId: "", stdin: true });
  strictEqual(sha256(await got), sha256(sent));
  strictEqual(await finish("c7"), 0);
});

test("a program that ends before its stdin does is no trouble", async () => {
  const sent = new Uint8Array(randomBytes(MIB));
  const { stdin, stdout } = await run("c8", { args: ["head", "-c", String(MIB)] }, {
    stdin: true,
    stdout: true,
  });
  const got = readAll(stdout);
  await stdin.write(sent);
  strictEqual(sha256(await got), sha256(sent));
  stdin.close();
  strictEqual(await finish("c8"), 0);
});

test("output is kept until someone reads it, also after the process has ended", async () => {
  const script = "head -c 60000 /dev/zero; echo done";
  const { stderr } = await run("c9", { args: ["sh", "-c", script] }, { stdout: false, stderr: true });
  strictEqual(await readText(stderr), "");
  strictEqual(await finish("c9"), 0);
  await run("c10", { args: ["sleep", "1000"] });
  await exec("c10", "e", ["sh", "-c", script], {});
  await guest.task.start({ id: "c10", execId: "e" });
  await guest.task.wait({ id: "c10", execId: "e" });
  await guest.task.delete({ id: "c10", execId: "e" });
  const value = encode(JSON.stringify(ociProcess(["sh", "-c", script])));
  await guest.task.exec({
    id: "c10",
    execId: "f",
    terminal: false,
    ...stdio({ stdout: true }),
    spec: { typeUrl: "", value },
  });
  await guest.task.start({ id: "c10", execId: "f" });
  await guest.task.wait({ id: "c10", execId: "f" });
  const stdout = await guest.stream("c10", "f", "stdout");
  strictEqual((await readAll(stdout)).length, 60_005);
  await guest.task.delete({ id: "c10", execId: "f" });
  await kill("c10");
  await finish("c10");
});

test("a broken output connection loses no byte", async () => {
  const line = "0123456789abcde\n";
  const count = 65_536;
  const { stdout } = await run("c11", { args: ["sh", "-c", `yes ${line.trim()} | head -n ${count}`] }, {
    stdout: true,
  });
  const first = await stdout.read();
  stdout.close();
  let total = first!.length;
  const again = await guest.stream("c11", "", "stdout");
  total += (await readAll(again)).length;
  strictEqual(await finish("c11"), 0);
  // What was in flight to the first connection when it broke is gone with it; what was not read from the pipe is not.
  ok(total > 0 && total <= count * line.length);
});

test("exec: streams, exit code, twenty at once, and a fd leak check", async () => {
  await run("c12", { args: ["sleep", "1000"] });
  const one = async (execId: string) => {
    const { stdout, stderr } = await exec("c12", execId, ["sh", "-c", `echo ${execId}; echo e >&2; exit 3`], {
      stdout: true,
      stderr: true,
    });
    await guest.task.start({ id: "c12", execId });
    deepStrictEqual([await readText(stdout), await readText(stderr)], [`${execId}\n`, "e\n"]);
    strictEqual(await finish("c12", execId), 3);
  };
  await one("warm-up");
  const before = await footprint();
  await Promise.all(Array.from({ length: 10 }, (_, i) => one(`e${i}`)));
  for (let i = 0; i < 10; i++) await one(`s${i}`);
  deepStrictEqual(await footprint(), before);
  await kill("c12");
  await finish("c12");
});

test("exec of a missing program fails with the reason and leaves nothing", async () => {
  await run("c13", { args: ["sleep", "1000"] });
  const before = await footprint();
  for (const execId of ["x", "y"]) {
    const { stdout } = await exec("c13", execId, ["/no/such/program"], {
      stdin: true,
      stdout: true,
      stderr: true,
    })
      .catch((error) => {
        console.error("open before start", error);
        throw error;
      });
    await rejects(guest.task.start({ id: "c13", execId }), ({ message }: Error) => {
      match(message, /no such file|not found/i);
      return true;
    });
    strictEqual(await readText(stdout), "");
    await guest.task.delete({ id: "c13", execId });
  }
  deepStrictEqual(await footprint(), before);
  await kill("c13");
  await finish("c13");
});

test("an exec that is never started is deleted with its streams", async () => {
  await run("c14", { args: ["sleep", "1000"] });
  const before = await footprint();
  await exec("c14", "never", ["true"], { stdin: true, stdout: true });
  await guest.task.delete({ id: "c14", execId: "never" });
  await exec("c14", "never", ["true"], { terminal: true, stdin: true, stdout: true });
  await guest.task.delete({ id: "c14", execId: "never" });
  deepStrictEqual(await footprint(), before);
  await exec("c14", "never", ["true"], { terminal: true, stdin: true, stdout: true });
  await kill("c14");
  await finish("c14");
});

test("a terminal echoes, is resized and ends with its process", async () => {
  await run("c15", { args: ["sleep", "1000"] });
  const before = await footprint();
  const { stdin, stdout } = await exec("c15", "t", ["sh"], { terminal: true, stdin: true, stdout: true });
  await guest.task.start({ id: "c15", execId: "t" });
  await guest.task.resizePty({ id: "c15", execId: "t", width: 123, height: 45 });
  await stdin.write(encode("stty size; echo is-a-$((1+1))-tty\n"));
  match(await readUntil(stdout, "is-a-2-tty"), /45 123/);
  await stdin.write(encode("exit 7\n"));
  await readAll(stdout);
  stdin.close();
  strictEqual(await finish("c15", "t"), 7);
  deepStrictEqual(await footprint(), before);
  await kill("c15");
  await finish("c15");

  const tty = await create("c16", { args: ["sh", "-c", "stty size; exit 9"], terminal: true }, {
    stdout: true,
  });
  await guest.task.resizePty({ id: "c16", execId: "", width: 100, height: 30 });
  await guest.task.start({ id: "c16", execId: "" });
  strictEqual(await readText(tty.stdout), "30 100\r\n");
  strictEqual(await finish("c16"), 9);
});

test("pids, stats and update", async () => {
  await run("c17", { args: ["sleep", "1000"], resources: { pids: { limit: 77 } } });
  const { processes } = await guest.task.pids({ id: "c17" });
  strictEqual(processes.length, 1);
  const { stats } = await guest.task.stats({ id: "c17" });
  const metrics = Metrics.decode(stats!.value);
  strictEqual(metrics.pids?.limit, 77n);
  ok(metrics.memory!.usage > 0n);
  const value = encode(
    JSON.stringify({ memory: { limit: 64 * MIB }, cpu: { quota: 50_000, period: 100_000 } }),
  );
  await guest.task.update({ id: "c17", resources: { typeUrl: "", value }, annotations: {} });
  strictEqual(
    await guest.run("sh -c 'cd /sys/fs/cgroup/kuasar/c17; cat memory.max cpu.max'"),
    `${64 * MIB}\n50000 100000\n`,
  );
  await rejects(
    guest.task.update({ id: "c17", resources: { typeUrl: "", value: encode("{") }, annotations: {} }),
    { code: "INVALID_ARGUMENT" },
  );
  await kill("c17");
  await finish("c17");
});

test("out of memory is told, and ends with 137", async () => {
  const event = guest.sandbox.getEvents({}, { timeoutMs: 60_000 });
  await run("c18", {
    args: ["sh", "-c", "tail /dev/zero"],
    resources: { memory: { limit: 8 * MIB, swap: 8 * MIB } },
  });
  strictEqual(await finish("c18"), 137);
  const { topic, event: any } = await event;
  strictEqual(topic, "/tasks/oom");
  strictEqual(TaskOOM.decode(any!.value).containerId, "c18");
});

test("a container that survives an OOM kill inside of it tells it each time", async () => {
  await run("c19", {
    args: ["sleep", "1000"],
    resources: { memory: { limit: 8 * MIB, swap: 8 * MIB } },
  });
  for (const execId of ["a", "b"]) {
    const event = guest.sandbox.getEvents({}, { timeoutMs: 60_000 });
    await exec("c19", execId, ["tail", "/dev/zero"]);
    await guest.task.start({ id: "c19", execId });
    strictEqual((await event).topic, "/tasks/oom");
    strictEqual(await finish("c19", execId), 137);
  }
  await kill("c19");
  await finish("c19");
});

test("the kernel's log, io_uring and faults of the kernel are not for containers", async () => {
  const names = ["kernel/dmesg_restrict", "kernel/io_uring_disabled", "vm/unprivileged_userfaultfd"];
  strictEqual(await guest.run(`cat ${names.map((name) => `/proc/sys/${name}`).join(" ")}`), "1\n1\n0\n");
  const args = ["sh", "-c", "busybox dmesg || echo refused"];
  const { stdout } = await run("log", { args }, { stdout: true });
  strictEqual(await readText(stdout), "refused\n");
  strictEqual(await finish("log"), 0);
});

test("nothing is left of all these containers", async () => {
  const lines = await footprint();
  deepStrictEqual(lines.filter((line) => /c\d|pid$|log$|sock$|exec-/.test(line)), []);
});
