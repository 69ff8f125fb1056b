/**
 * `deno task demo`: builds what is missing, starts everything, runs pods of namespaces, of Wasm, under gVisor and, as soon as there
 * is a kernel for them, in microVMs, shows what happens, stops and proves that nothing is left.
 */
import { buildDir, lines, root } from "../lib/build/mod.ts";
import { formatDuration, KuasarError } from "../lib/errors/mod.ts";
import { isEnding } from "../lib/process/mod.ts";
import { difference, Node, type Pod, type Snapshot, takeSnapshot } from "../tests/harness/mod.ts";
import { claimDir } from "./claimed_dir.ts";
import { driverDeployment } from "./drivers.ts";
import { beginSetup } from "./setup.ts";
import { WASM } from "../image/wasm/images.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask, VERSION } from "../lib/service/mod.ts";

/** With the digit of a second demo beside this one 11 bytes: the paths of sockets below it have to fit into 107. */
const RUN_DIR = "/run/kdemo";

const DRIVERS = ["runc", "wasm", "gvisor", "qemu"];

/** How long nginx may take under emulation until it answers. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Any unique prefix of an id will do; this is what lists show. */
const SHORT_ID = 13;

const bold = (text: string) => Deno.stdout.isTerminal() ? `\x1b[1m${text}\x1b[0m` : text;
let steps = 0;

/** Shows lines; a line that moves on the same terminal makes room. */
function print(text: string): void {
  lines.rest();
  console.log(text);
}

/** Says what comes next. */
function step(text: string): void {
  print(`\n${bold(`${++steps}. ${text}`)}`);
}

function show(text: string): void {
  print(text.trimEnd().split("\n").map((line) => `   ${line}`).join("\n"));
}

const seconds = (sinceMs: number) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Runs kuasar-ctl as a user would and shows the command and its output. */
async function ctl(node: Node, ...args: string[]): Promise<void> {
  show(`$ kuasar-ctl ${args.join(" ")}`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${root}/services/ctl/main.ts`, ...args, "--run-dir", node.runDir],
    stdout: "piped",
    stderr: "piped",
  }).output();
  show(new TextDecoder().decode(stdout));
  if (!success) {
    throw new KuasarError("INTERNAL", `Cannot run kuasar-ctl: ${new TextDecoder().decode(stderr).trim()}`);
  }
}

/** A pod with busybox: its kernel, a container's output, an exec. */
async function busyboxPod(node: Node): Promise<Pod> {
  step("A pod in a microVM, with a busybox container");
  const started = Date.now();
  const pod = await node.runPod({ name: "demo-busybox" });
  show(`RunPodSandbox: ready after ${seconds(started)}, pod IP ${await pod.ip()}`);
  const container = await pod.run({
    name: "hello",
    image: await node.image("busybox"),
    command: ["sh", "-c", 'echo "Hello from $(hostname), PID $$ under Linux $(uname -r)"; exec sleep 1000'],
  });
  await container.waitForLog("Hello");
  show(`Container output:  ${(await container.logLines()).join("\n")}`);
  show(`Kernel of the host: ${Deno.osRelease()}`);
  show(`Kernel of the guest: ${(await container.exec(["uname", "-r"])).stdout}`);
  const command = ["sh", "-c", "id -un; grep MemTotal /proc/meminfo; ip -4 addr show eth0 | grep inet"];
  const { stdout, exitCode } = await container.exec(command);
  show(`Exec output (exit code ${exitCode}):\n${stdout}`);
  return pod;
}

/** Asks the pod's address until nginx answers. */
async function answerOf(url: string): Promise<Response> {
  const end = Date.now() + ANSWER_TIMEOUT_MS;
  while (true) {
    try {
      return await fetch(url, { headers: { connection: "close" }, signal: AbortSignal.timeout(5_000) });
    } catch (error) {
      if (Date.now() > end) throw new KuasarError("DEADLINE_EXCEEDED", `Cannot get ${url}: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** A pod with nginx that answers the host on the pod's address. */
async function nginxPod(node: Node): Promise<Pod> {
  step("A pod with nginx of a Debian-based image, answering on the pod's address");
  const pod = await node.runPod({ name: "demo-nginx" });
  await pod.run({ name: "nginx", image: await node.image("nginx") });
  const url = `http://${await pod.ip()}/`;
  const response = await answerOf(url);
  const body = await response.text();
  show(`$ curl -i ${url}\nHTTP ${response.status}, server: ${response.headers.get("server")}`);
  show(body.split("\n").filter((line) => line.trim()).slice(0, 5).join("\n"));
  if (response.status !== 200) {
    throw new KuasarError("INTERNAL", `Cannot use nginx: status ${response.status}`);
  }
  return pod;
}

/** A pod of plain namespaces: nothing of ours runs for it. */
async function runcPod(node: Node, began: number): Promise<Pod> {
  step("A pod of plain namespaces under crun: no VM, no shim, no pause container");
  const started = Date.now();
  const pod = await node.runPod({ name: "demo-runc", handler: "kuasar-runc" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  show(
    `Pod and container run after ${seconds(started)}; the first of this demo, ${
      seconds(began)
    } after it was started`,
  );
  const { stdout } = await container.exec(["sh", "-c", "hostname; uname -r; ip -4 -o addr show eth0"]);
  show(`Exec output:\n${stdout}`);
  return pod;
}

/** A pod without a VM: a Wasm module that serves, and a Linux container beside it that asks it. */
async function wasmPod(node: Node): Promise<Pod> {
  step("A pod of another kind: a WebAssembly module under WasmEdge, and a Linux container beside it");
  const started = Date.now();
  const pod = await node.runPod({ name: "demo-wasm", handler: "kuasar-wasm" });
  const server = await pod.run({ name: "server", image: WASM, command: ["/http.wasm"] });
  await server.waitForLog("listening");
  show(`Pod and module run after ${seconds(started)}; no VM, no shim, no pause container`);
  const response = await answerOf(`http://${await pod.ip()}:8080/`);
  show(`The module answers the host: ${(await response.text()).trim()}`);
  const linux = await pod.run({
    name: "linux",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  const asked = await linux.exec(["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"]);
  show(`The module answers the container beside it: ${asked.stdout.trim()}`);
  return pod;
}

/** A pod under gVisor: another kernel than the host's, without a VM. */
async function gvisorPod(node: Node): Promise<Pod> {
  step("A pod under gVisor: an application kernel, no VM");
  const started = Date.now();
  const pod = await node.runPod({ name: "demo-gvisor", handler: "kuasar-gvisor" });
  show(`RunPodSandbox: ready after ${seconds(started)}, pod IP ${await pod.ip()}`);
  const container = await pod.run({
    name: "hello",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  show(`Kernel of the pod: ${(await container.exec(["dmesg"])).stdout.split("\n").slice(0, 3).join("\n")}`);
  return pod;
}

/** What the demo has on the host; nothing of what others have. */
function stock(node: Node): Snapshot {
  return takeSnapshot({ runDir: node.runDir, ids: node.ids, resident: new Map(), counted: [] });
}

const KINDS = ["processes", "mounts", "links", "netns", "sockets", "cgroups"] as const;

/** Shows how much there was of everything while the pods ran, and what of it is left. */
function proveClean(meanwhile: Snapshot, after: Snapshot): boolean {
  for (const kind of KINDS) {
    const [ran, left] = [meanwhile, after].map((all) => String(all[kind].length).padStart(3));
    show(`${kind.padEnd(10)} while the pods ran ${ran}, now ${left}`);
  }
  const nothing: Snapshot = {
    ...{ processes: [], mounts: [], links: [], netns: [] },
    ...{ sockets: [], cgroups: [], fds: [] },
  };
  const left = difference(nothing, after);
  show(left.length ? `Left over:\n${left.join("\n")}` : "Nothing is left.");
  return left.length === 0;
}

const FLAGS = { "help": { kind: "boolean", help: "Print this text" } } as const satisfies FlagTable;

async function main(): Promise<number> {
  if (parseFlags(FLAGS, Deno.args).help) {
    const summary = "run pods of every kind that runs here, show what happens, leave nothing behind";
    console.log(formatHelp({ name: "deno task demo", summary, flags: FLAGS }));
    return EXIT.OK;
  }
  const began = Date.now();
  print(bold(`Kuasar in TypeScript ${VERSION}`));
  step("Build and fetch what is missing for pods without a VM; the guest's kernel is compiled meanwhile");
  const setup = beginSetup(DRIVERS.map(driverDeployment), { kernelLast: true });
  await setup.withoutVm;
  step("Start sandboxer, network, storage, drivers, task server and a private containerd");
  const runDir = claimDir(RUN_DIR);
  const node = await Node.start({
    runDir: runDir.path,
    logLevel: "info",
    drivers: DRIVERS,
    images: ["busybox", "nginx", "wasm"].map((name) => `${buildDir}/images/${name}.tar`),
  });
  let meanwhile: Snapshot;
  try {
    show([...node.supervisor.pids].map(([name, pid]) => `${name} (pid ${pid})`).join(", "));
    const pods = [await runcPod(node, began), await wasmPod(node), await gvisorPod(node)];
    step("What pods in VMs need");
    const waited = Date.now();
    await setup.all;
    show(Date.now() - waited < 1_000 ? "It is there." : `Built after ${formatDuration(Date.now() - began)}.`);
    const busybox = await busyboxPod(node);
    pods.push(busybox, await nginxPod(node));
    step("What the node knows");
    await ctl(node, "list");
    await ctl(node, "timeline", busybox.id.slice(0, SHORT_ID));
    meanwhile = stock(node);
    step("Stop and remove the pods");
    for (const pod of pods) {
      const started = Date.now();
      await pod.remove();
      show(`${pod.config.metadata?.name} removed in ${seconds(started)}`);
    }
  } catch (error) {
    if (!isEnding()) { for (const line of node.logTail(60)) console.error(line); }
    throw error;
  } finally {
    step("Stop everything");
    await node.stop();
  }
  step("Proof that nothing is left on this host");
  const clean = proveClean(meanwhile, stock(node));
  print(`\nDone in ${seconds(began)}.`);
  return clean ? EXIT.OK : EXIT.FAILURE;
}

if (import.meta.main) {
  await runTask("demo", () =>
    main().catch((error) => {
      lines.rest();
      throw error;
    }));
}
