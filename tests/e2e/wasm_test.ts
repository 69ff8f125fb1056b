import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { driverOfHandler } from "../../deploy/drivers.ts";
import { WASM, WASM_ARTIFACT } from "../../image/wasm/images.ts";
import type { Entry } from "../../image/entry.ts";
import { ociImage } from "../../image/oci/layout.ts";
import { assemble } from "../../image/wasm/assemble.ts";
import { buildDir } from "../../lib/build/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { type Container, findProcesses, type Node, type Pod } from "../harness/mod.ts";
import { e2e, handlerUnderTest, imageArchive, importArchive, useNode } from "./fixture.ts";
import { commandLinesWith } from "./command_lines.ts";
import { killAndWait } from "./kill_and_wait.ts";
import { assertNoLineLost, waitForMoreLines } from "./numbered_lines.ts";

const MIB = 1 << 20;
/** Of a pod that runs modules, whatever handler the other tests ask for. */
const HANDLER = driverOfHandler(handlerUnderTest())?.name === "wasm" ? handlerUnderTest() : "kuasar-wasm";

/** The imports of archives that are not of this host's platform. */
async function importAnyPlatform(node: Node, archive: string): Promise<void> {
  const path = `${buildDir}/images/${archive}`;
  const { code, stderr } = await node.ctr().run(["images", "import", "--local", "--all-platforms", path]);
  strictEqual(code, 0, stderr);
}

const node = useNode(async () => ({
  handler: HANDLER,
  images: [imageArchive("busybox"), `${buildDir}/images/wasm.tar`],
}));

/** Runs one module to its end. */
async function runModule(
  pod: Pod,
  name: string,
  command: readonly string[],
  options: Partial<Parameters<Pod["run"]>[0]> = {},
): Promise<Container> {
  return await pod.run({ name, image: WASM, command, ...options });
}

async function outputOf(container: Container): Promise<{ code: number; lines: string[] }> {
  const { exitCode } = await container.waitForExit();
  return { code: exitCode, lines: await container.logLines() };
}

e2e("a module greets, and ends with its code", node, async (node) => {
  const pod = await node.runPod({ name: "hello" });
  deepStrictEqual(await outputOf(await runModule(pod, "hello", ["/hello.wasm"])), {
    code: 0,
    lines: ["hello from Wasm"],
  });
  strictEqual((await outputOf(await runModule(pod, "exit", ["/exit.wasm", "42"]))).code, 42);
  const trap = await outputOf(await runModule(pod, "trap", ["/exit.wasm"]));
  strictEqual(trap.code, 134);
  match(trap.lines.join(), /unreachable/);
  ok(await pod.isReady(), "the pod outlives its containers");
  await pod.remove();
});

e2e("a module gets its arguments, its variables and its working directory", node, async (node) => {
  const pod = await node.runPod({ name: "report" });
  const container = await runModule(pod, "c", ["report.wasm", "--env", "a b", ""], {
    env: { ONE: "1", TWO: "x=y z", DASH: "-v" },
  });
  const { lines } = await outputOf(container);
  deepStrictEqual(lines.filter((line) => line.startsWith("arg ")), [
    "arg report.wasm",
    "arg --env",
    "arg a b",
    "arg ",
  ]);
  for (const variable of ["ONE=1", "TWO=x=y z", "DASH=-v", "PWD=/"]) {
    ok(lines.includes(`env ${variable}`), variable);
  }
  ok(!lines.some((line) => line.includes("LD_LIBRARY_PATH")), "the engine's own variables stay its own");
  await pod.remove();
});

e2e("what is in a module's variables is in no command line", node, async (node) => {
  const pod = await node.runPod({ name: "secret" });
  const secret = `secret-${crypto.randomUUID()}`;
  const seen = await commandLinesWith(secret, async () => {
    const report = await outputOf(
      await runModule(pod, "report", ["/report.wasm", "x"], { env: { A: secret } }),
    );
    ok(report.lines.includes(`env A=${secret}`), report.lines.join());
    // One that waits for its input.
    const echo = await runModule(pod, "echo", ["/echo.wasm"], { env: { A: secret }, stdin: true });
    await echo.stop();
  });
  deepStrictEqual(seen, []);
  await pod.remove();
});

e2e("a module is known by its content, and by an annotation", node, async (node) => {
  const pod = await node.runPod({ name: "unnamed", annotations: { "module.wasm.image/variant": "compat" } });
  strictEqual((await outputOf(await runModule(pod, "c", ["/unnamed"]))).lines.join(), "hello from Wasm");
  // The annotation is the pod's, so a Linux program in it is refused.
  const linux = await pod.create({ name: "linux", image: await node.image("busybox"), command: ["/bin/sh"] });
  await rejects(linux.start(), /is not WebAssembly/);
  await pod.remove();
});

e2e("a module without a path is found in PATH", node, async (node) => {
  const reference = "docker.io/library/wasm-path:test";
  const file = { kind: "file" as const, mode: 0o755, content: await assemble("report"), origin: "" };
  const directory = (path: string): Entry => ({ kind: "directory", path, mode: 0o755, origin: "" });
  const entries = [directory("opt"), directory("opt/bin"), { ...file, path: "opt/bin/report.wasm" }];
  await importArchive(node, ociImage(reference, entries, { Env: ["PATH=/bin:/opt/bin"] }));
  const pod = await node.runPod({ name: "path" });
  const { code, lines } = await outputOf(
    await pod.run({ name: "c", image: reference, command: ["report.wasm", "x"] }),
  );
  strictEqual(code, 0);
  deepStrictEqual(lines.slice(0, 2), ["arg report.wasm", "arg x"]);
  await pod.remove();
});

e2e("a module that begins with more memory than its limit is refused", node, async (node) => {
  const reference = "docker.io/library/wasm-large:test";
  // (module (memory 2048) (func (export "_start")))
  const content = new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 4, 1, 0x60, 0, 0],
    ...[3, 2, 1, 0],
    ...[5, 4, 1, 0, 0x80, 0x10],
    ...[7, 10, 1, 6, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0, 0],
    ...[10, 4, 1, 2, 0, 0x0b],
  ]);
  const module: Entry = { kind: "file", path: "large.wasm", mode: 0o755, content, origin: "" };
  await importArchive(node, ociImage(reference, [module], { Cmd: ["/large.wasm"] }));
  const pod = await node.runPod({ name: "large" });
  const run = (name: string, memoryLimitBytes: number) =>
    pod.run({ name, image: reference, command: ["/large.wasm"], memoryLimitBytes });
  await rejects(
    run("small", 64 * MIB),
    /it begins with 134217728 bytes of memory, and the container's limit is 67108864/,
  );
  strictEqual((await outputOf(await run("enough", 256 * MIB))).code, 0);
  await pod.remove();
});

e2e("exit codes are those of docs/wasm.md", node, async (node) => {
  const pod = await node.runPod({ name: "codes" });
  const codes = await Promise.all(
    ["125", "126", "255", "256", "300"].map(async (code) =>
      (await outputOf(await runModule(pod, `exit-${code}`, ["/exit.wasm", code]))).code
    ),
  );
  deepStrictEqual(codes, [125, 126, 255, 0, 44]);
  await pod.remove();
});

e2e("a module that does not exist is refused, and nothing is left of it", node, async (node) => {
  const pod = await node.runPod({ name: "missing" });
  const container = await pod.create({ name: "c", image: WASM, command: ["/missing.wasm"] });
  await rejects(container.start(), /no such file/);
  await container.remove();
  await pod.remove();
});

e2e("a component is refused by an engine that has modules alone", node, async (node) => {
  const pod = await node.runPod({ name: "component" });
  await rejects(
    pod.run({ name: "component", image: WASM, command: ["/component.wasm"] }),
    /runs core modules only, this is a component/,
  );
  await pod.remove();
});

e2e("stdin is echoed back", node, async (node) => {
  const pod = await node.runPod({ name: "echo" });
  const container = await runModule(pod, "c", ["/echo.wasm"], { stdin: true, stdinOnce: true });
  const attached = await container.attach({ stdin: true });
  await attached.write("to and fro\n");
  await attached.waitFor("to and fro");
  // The input of a container that takes it once ends with the first who attaches.
  await attached.close();
  strictEqual((await container.waitForExit()).exitCode, 0);
  await pod.remove();
});

e2e("volumes are there, and those that are read-only cannot be written", node, async (node) => {
  const dir = `${node.runDir}/wasm-volume`;
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/greeting`, "from the host\n");
  const pod = await node.runPod({ name: "files" });
  const mounts = [
    { containerPath: "/rw", hostPath: dir },
    { containerPath: "/ro", hostPath: dir, readonly: true },
    { containerPath: "/deep/er/file", hostPath: `${dir}/greeting`, readonly: true },
  ];
  let count = 0;
  const files = async (args: string[], more = {}) =>
    await outputOf(await runModule(pod, `c${count++}`, ["/files.wasm", ...args], { mounts, ...more }));
  for (const path of ["/rw/greeting", "/ro/greeting", "/deep/er/file"]) {
    deepStrictEqual(await files(["read", path]), { code: 0, lines: ["from the host"] });
  }
  deepStrictEqual(await files(["write", "/rw/answer", "from the module"]), { code: 0, lines: ["wrote"] });
  strictEqual(await Deno.readTextFile(`${dir}/answer`), "from the module");
  for (const path of ["/ro/answer", "/deep/er/file"]) {
    ok((await files(["write", path, "no"])).code !== 0, path);
  }
  strictEqual(await Deno.readTextFile(`${dir}/answer`), "from the module");
  strictEqual((await files(["write", "/tmp/x", "in the image"])).code, 0);
  ok((await files(["write", "/tmp/x", "no"], { readonlyRootfs: true })).code !== 0, "a read-only root");
  // Neither of the engine nor of the host is anything to be seen.
  for (const path of ["/../etc/passwd", "/etc/passwd", "/proc/self/maps", "/rootfs/hello.wasm"]) {
    ok((await files(["read", path])).code !== 0, path);
  }
  await pod.remove();
  await Deno.remove(dir, { recursive: true });
});

e2e(
  "a server of the pod's network answers, from the host and from a Linux container beside it",
  node,
  async (node) => {
    const pod = await node.runPod({ name: "http" });
    const server = await runModule(pod, "server", ["/http.wasm"]);
    await server.waitForLog("listening");
    const url = `http://${await pod.ip()}:8080/`;
    for (let i = 0; i < 5; i++) strictEqual(await (await fetch(url)).text(), "hello from Wasm\n");
    const linux = await pod.run({
      name: "linux",
      image: await node.image("busybox"),
      command: ["sleep", "1000"],
    });
    const { stdout } = await linux.shell("wget -q -O - http://127.0.0.1:8080/; hostname");
    strictEqual(stdout, "hello from Wasm\nhttp\n");
    await pod.remove();
  },
);

e2e(
  "exec in a module is refused by a code of its own, in a Linux container beside it it works",
  node,
  async (node) => {
    const pod = await node.runPod({ name: "exec" });
    const container = await runModule(pod, "wasm", ["/ticker.wasm", "100"]);
    await container.waitForLog("line 1");
    await rejects(container.exec(["sh"]), /it runs the Wasm module ticker\.wasm/);
    const linux = await pod.run({
      name: "linux",
      image: await node.image("busybox"),
      command: ["sleep", "1000"],
    });
    strictEqual((await linux.shell("echo works")).stdout, "works\n");
    await pod.remove();
  },
);

e2e(
  "SIGTERM ends a module at once, although it is the first process of its namespace",
  node,
  async (node) => {
    const pod = await node.runPod({ name: "stop" });
    for (const module of [["/loop.wasm"], ["/ticker.wasm", "50"], ["/http.wasm"]]) {
      const container = await runModule(pod, module[0]!.slice(1, -5), module);
      await container.waitForLog(
        /loop/.test(module[0]!) ? "computing" : /http/.test(module[0]!) ? "listening" : "line",
      );
      const begin = Date.now();
      await container.stop(30);
      ok(Date.now() - begin < 10_000, `${module[0]} took ${Date.now() - begin} ms to stop`);
      strictEqual((await container.status()).exitCode, 143);
    }
    await pod.remove();
  },
);

e2e("a module that runs too long is killed", node, async (node) => {
  const pod = await node.runPod({ name: "slow", annotations: { "io.kuasar.wasm.time_limit_ms": "1500" } });
  const begin = Date.now();
  const container = await runModule(pod, "loop", ["/loop.wasm"]);
  strictEqual((await container.waitForExit()).exitCode, 137);
  const tookMs = Date.now() - begin;
  ok(tookMs >= 1_400 && tookMs < 10_000, `it ran for ${tookMs} ms`);
  // One that ends in time is not touched.
  strictEqual((await outputOf(await runModule(pod, "hello", ["/hello.wasm"]))).code, 0);
  await pod.remove();
});

e2e("memory is limited: the module is refused more, or the kernel ends it", node, async (node) => {
  const pod = await node.runPod({ name: "hog" });
  const small = await outputOf(
    await runModule(pod, "small", ["/hog.wasm", "8"], { memoryLimitBytes: 64 * MIB }),
  );
  deepStrictEqual(small, { code: 0, lines: ["MiB: 8"] });
  const hog = await runModule(pod, "hog", ["/hog.wasm"], { memoryLimitBytes: 64 * MIB });
  const { exitCode, reason } = await hog.waitForExit();
  ok(exitCode === 7 || exitCode === 137 && reason === "OOMKilled", `${exitCode} ${reason}`);
  ok(await pod.isReady());
  await pod.remove();
});

e2e("CPU time is limited, and the stats say what a module uses", node, async (node) => {
  const pod = await node.runPod({ name: "cpu" });
  const container = await runModule(pod, "loop", ["/loop.wasm"], {
    cpuQuotaUs: 20_000,
    memoryLimitBytes: 128 * MIB,
  });
  await container.waitForLog("computing");
  const usedNs = async () => (await container.stats()).cpu!.usageCoreNanoSeconds!.value;
  const [before, begin] = [await usedNs(), Date.now()];
  let usedMs = 0;
  // On a busy host it gets less than it may have.
  while (usedMs < 400) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    usedMs = Number(await usedNs() - before) / 1e6;
  }
  const share = usedMs / (Date.now() - begin);
  ok(share < 0.3, `a fifth of a CPU was given, ${share.toFixed(2)} used`);
  const { memory } = await container.stats();
  ok(memory!.workingSetBytes!.value > 1n << 20n);
  ok(Number(memory!.availableBytes!.value) < 128 * MIB, "its limit is known");
  await pod.remove();
});

e2e("a Wasm artifact runs, which has no file system", node, async (node) => {
  await importAnyPlatform(node, "wasm-artifact.tar");
  const pod = await node.runPod({ name: "artifact" });
  const container = await pod.run({ name: "c", image: WASM_ARTIFACT, command: ["hello.wasm"] });
  deepStrictEqual(await outputOf(container), { code: 0, lines: ["hello from Wasm"] });
  await pod.remove();
});

e2e("an image of platform wasi/wasm runs", node, async (node) => {
  await importAnyPlatform(node, "wasm-wasi.tar");
  const pod = await node.runPod({ name: "wasi" });
  const container = await pod.run({ name: "c", image: "docker.io/library/wasm-wasi:kuasar" });
  deepStrictEqual(await outputOf(container), { code: 0, lines: ["hello from Wasm"] });
  await pod.remove();
});

e2e("kill -9 of every service is not noticed by a module", node, async (node) => {
  const pod = await node.runPod({ name: "kill" });
  const writer = await runModule(pod, "writer", ["/ticker.wasm", "5"]);
  await writer.waitForLog("line 5");
  for (const service of node.services) {
    await killAndWait(node, service);
    await waitForMoreLines(writer, 20);
    const hello = await runModule(pod, `after-${service}`, ["/hello.wasm"]);
    strictEqual((await outputOf(hello)).lines.join(), "hello from Wasm");
  }
  await assertNoLineLost(writer);
  ok(await writer.isRunning());
  await pod.remove();
});

e2e("a module runs as the user that it is given", node, async (node) => {
  const dir = `${node.runDir}/owned`;
  await Deno.mkdir(dir, { mode: 0o755 });
  const pod = await node.runPod({ name: "user" });
  const options = { runAsUser: 1000, mounts: [{ containerPath: "/data", hostPath: dir }] };
  const write = async (name: string) =>
    (await outputOf(await runModule(pod, name, ["/files.wasm", "write", "/data/x", "text"], options))).code;
  ok(await write("theirs") !== 0, "the folder is root's");
  await Deno.chown(dir, 1000, 1000);
  strictEqual(await write("own"), 0);
  strictEqual((await Deno.stat(`${dir}/x`)).uid, 1000);
  await pod.remove();
  await Deno.remove(dir, { recursive: true });
});

e2e("links of an image lead a volume nowhere else", node, async (node) => {
  const dir = `${node.runDir}/linked`;
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/greeting`, "from the volume\n");
  const reference = "docker.io/library/wasm-links:test";
  const link = (path: string, target: string): Entry => ({
    kind: "link",
    path,
    target,
    mode: 0o777,
    origin: "",
  });
  const file = async (name: "files"): Promise<Entry> => ({
    kind: "file",
    path: `${name}.wasm`,
    mode: 0o755,
    content: await assemble(name),
    origin: "",
  });
  await importArchive(
    node,
    ociImage(
      reference,
      [
        await file("files"),
        { kind: "directory", path: "real", mode: 0o755, origin: "" },
        link("inside", "/real"),
        link("lib", "/lib64"),
        link("outside", "../../../../etc"),
      ],
      { Cmd: ["/files.wasm"] },
    ),
  );
  const pod = await node.runPod({ name: "links" });
  const read = async (name: string, path: string) => {
    const mounts = [{ containerPath: `/${name}`, hostPath: dir }];
    return await outputOf(
      await pod.run({ name, image: reference, command: ["/files.wasm", "read", path], mounts }),
    );
  };
  // A link to something that does not exist is in the way of a mount point.
  for (const name of ["lib", "outside"]) {
    const container = await pod.create({
      name,
      image: reference,
      command: ["/files.wasm", "read", `/${name}/greeting`],
      mounts: [{ containerPath: `/${name}`, hostPath: dir }],
    });
    await rejects(container.start(), /the image has something else there/);
    await container.remove();
  }
  for (const name of ["fine", "inside"]) {
    deepStrictEqual(await read(name, `/${name}/greeting`), { code: 0, lines: ["from the volume"] });
  }
  await pod.remove();
  await Deno.remove(dir, { recursive: true });
});

e2e("models that cannot be loaded are refused before anything runs", node, async (node) => {
  const pod = await node.runPod({ name: "models" });
  const refusal = async (name: string, value: string) => {
    const env = { "io.kuasar.wasm.nn_preload": value };
    const container = await pod.create({ name, image: WASM, command: ["/hello.wasm"], env });
    const error = await container.start().then(() => undefined, (error: KuasarError) => error);
    await container.remove();
    return [error?.code, error?.message];
  };
  const [code, message] = await refusal("plugin", "default:GGML:AUTO:model.gguf");
  strictEqual(code, "FAILED_PRECONDITION");
  match(message!, /has no plugin wasi_nn/);
  strictEqual((await refusal("up", "default:GGML:AUTO:../model.gguf"))[0], "INVALID_ARGUMENT");
  await pod.remove();
});

e2e("what was compiled in the background is used the next time", node, async (node) => {
  const pod = await node.runPod({ name: "aot" });
  const commandOf = async (name: string) => {
    const container = await runModule(pod, name, ["/ticker.wasm", "100"]);
    await container.waitForLog("line");
    const [pid] = findProcesses(/^wasmedge$/, "ticker.wasm").filter((pid) => inPod(pid, pod));
    const command = await Deno.readTextFile(`/proc/${pid}/cmdline`);
    await container.stop(1);
    return command;
  };
  let command = await commandOf("c0");
  for (let i = 1; i < 20 && !command.includes("\0/module/ticker.wasm\0"); i++) {
    command = await commandOf(`c${i}`);
  }
  ok(command.includes("\0/module/ticker.wasm\0"), command);
  await pod.remove();
});

e2e("the end of an engine is its container's and nobody else's", node, async (node) => {
  const pod = await node.runPod({ name: "killed" });
  const other = await runModule(pod, "other", ["/ticker.wasm", "50"]);
  const victim = await runModule(pod, "victim", ["/loop.wasm"]);
  await victim.waitForLog("computing");
  const pid = findProcesses(/^wasmedge$/, "loop.wasm").find((pid) => inPod(pid, pod));
  ok(pid !== undefined);
  Deno.kill(pid, "SIGKILL");
  strictEqual((await victim.waitForExit()).exitCode, 137);
  ok(await other.isRunning() && await pod.isReady());
  await pod.remove();
});

e2e("a time limit holds across the death of kuasar-task", node, async (node) => {
  const pod = await node.runPod({ name: "limit", annotations: { "io.kuasar.wasm.time_limit_ms": "4000" } });
  const container = await runModule(pod, "loop", ["/loop.wasm"]);
  await container.waitForLog("computing");
  const engine = () => findProcesses(/^wasmedge$/, "loop.wasm").filter((pid) => inPod(pid, pod)).length;
  await killAndWait(node, "kuasar-task");
  strictEqual(engine(), 1, "it goes on");
  const end = Date.now() + 15_000;
  while (engine() > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  strictEqual(engine(), 0);
  await container.waitForExit();
  await pod.remove();
});

e2e("twenty modules in a pod, and ten pods, at once", node, async (node) => {
  const pods = await Promise.all(Array.from({ length: 10 }, (_, i) => node.runPod({ name: `many-${i}` })));
  const runs = Array.from({ length: 20 }, async (_, i) => {
    const pod = pods[i % 2 === 0 ? 0 : i % 10]!;
    return await outputOf(await runModule(pod, `c${i}`, ["/hello.wasm"]));
  });
  for (const result of await Promise.all(runs)) {
    deepStrictEqual(result, { code: 0, lines: ["hello from Wasm"] });
  }
  await Promise.all(pods.map((pod) => pod.remove()));
});

e2e("a restart of containerd leaves a module running, and it can be stopped", node, async (node) => {
  const pod = await node.runPod({ name: "restart" });
  const container = await runModule(pod, "c", ["/ticker.wasm", "20"]);
  await container.waitForLog("line 5");
  await node.restartContainerd();
  ok(await container.isRunning() && await pod.isReady());
  const before = (await container.logLines()).length;
  await container.waitForLog(`line ${before + 20}`);
  await container.stop(30);
  strictEqual((await container.status()).exitCode, 143);
  await pod.remove();
});

e2e("a module may have a terminal", node, async (node) => {
  const pod = await node.runPod({ name: "terminal" });
  const container = await runModule(pod, "c", ["/echo.wasm"], { tty: true, stdin: true });
  const attached = await container.attach({ tty: true });
  await attached.write("typed\n");
  // Once by the terminal and once by the module.
  await attached.waitFor("typed\r\ntyped\r\n");
  await attached.close();
  await pod.remove();
});

e2e("ctr runs modules without a pod", node, async (node) => {
  const namespace = "wasm-tasks";
  await node.importImage(`${buildDir}/images/wasm.tar`, namespace);
  const ctr = node.ctr(namespace);
  const fifos = `${node.runDir}/fifos`;
  await Deno.mkdir(fifos, { recursive: true });
  const run = (id: string, ...command: string[]) =>
    ctr.run([
      "run",
      "--rm",
      "--runtime",
      "io.containerd.kuasar-wasm.v2",
      "--fifo-dir",
      fifos,
      WASM,
      id,
      ...command,
    ]);
  const hello = await run("hello", "/hello.wasm");
  deepStrictEqual([hello.code, hello.stdout], [0, "hello from Wasm\n"], hello.stderr);
  strictEqual((await run("exit", "/exit.wasm", "42")).code, 42);
  const named = await run("report", "report.wasm", "x");
  ok(named.stdout.startsWith("arg report.wasm\narg x\n"), named.stdout);
});

/** Whether a process is in a pod's cgroup. */
function inPod(pid: number, pod: Pod): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(pod.id);
  } catch {
    return false;
  }
}
