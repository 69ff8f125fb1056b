/**
 * `deno task demo`: builds what is missing, starts everything, runs pods in microVMs, one of Wasm and one under gVisor, shows what
 * happens, stops and proves that nothing is left.
 */
import { buildDir, root } from "../lib/build/mod.ts";
import { asKuasarError, KuasarError } from "../lib/errors/mod.ts";
import { difference, Node, type Pod, type Snapshot, takeSnapshot } from "../tests/harness/mod.ts";
import { setup } from "./setup.ts";
import { WASM } from "../image/wasm/images.ts";
import { VERSION } from "../lib/service/mod.ts";

/** Short: the paths of sockets below it have to fit into 107 bytes. */
const RUN_DIR = "/run/ksdemo";

/** How long nginx may take under emulation until it answers. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Any unique prefix of an id will do; this is what lists show. */
const SHORT_ID = 13;

const bold = (text: string) => Deno.stdout.isTerminal() ? `\x1b[1m${text}\x1b[0m` : text;
let steps = 0;

/** Says what comes next. */
function step(text: string): void {
  console.log(`\n${bold(`${++steps}. ${text}`)}`);
}

function show(text: string): void {
  console.log(text.trimEnd().split("\n").map((line) => `   ${line}`).join("\n"));
}

const seconds = (sinceMs: number) => `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;

/** Runs kuasar-ctl as a user would and shows the command and its output. */
async function ctl(...args: string[]): Promise<void> {
  show(`$ kuasar-ctl ${args.join(" ")}`);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${root}/services/ctl/main.ts`, ...args, "--run-dir", RUN_DIR],
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
async function runcPod(node: Node): Promise<Pod> {
  step("A pod of plain namespaces under crun: no VM, no shim, no pause container");
  const started = Date.now();
  const pod = await node.runPod({ name: "demo-runc", handler: "kuasar-runc" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  show(`Pod and container run after ${seconds(started)}`);
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

/** Shows how much there is of everything before and after, and what differs. */
function proveClean(before: Snapshot): boolean {
  const after = takeSnapshot({ runDir: RUN_DIR, resident: new Map(), counted: [] });
  for (const kind of ["processes", "mounts", "links", "netns", "sockets", "cgroups"] as const) {
    show(`${kind.padEnd(10)} before ${String(before[kind].length).padStart(3)}, after ${after[kind].length}`);
  }
  const lines = difference(before, after);
  show(lines.length ? `Left over:\n${lines.join("\n")}` : "Nothing is left.");
  return lines.length === 0;
}

async function main(): Promise<number> {
  const began = Date.now();
  console.log(bold(`Kuasar in TypeScript ${VERSION}`));
  step("Build and fetch what is missing");
  await setup();
  const before = takeSnapshot({ runDir: RUN_DIR, resident: new Map(), counted: [] });
  step("Start sandboxer, network, storage, driver, task server and a private containerd");
  const node = await Node.start({
    runDir: RUN_DIR,
    logLevel: "info",
    drivers: ["qemu", "runc", "wasm", "gvisor"],
    images: ["busybox", "nginx", "wasm"].map((name) => `${buildDir}/images/${name}.tar`),
  });
  try {
    show([...node.supervisor.pids].map(([name, pid]) => `${name} (pid ${pid})`).join(", "));
    const busybox = await busyboxPod(node);
    const nginx = await nginxPod(node);
    const runc = await runcPod(node);
    const wasm = await wasmPod(node);
    const gvisor = await gvisorPod(node);
    step("What the node knows");
    await ctl("list");
    await ctl("timeline", busybox.id.slice(0, SHORT_ID));
    step("Stop and remove the pods");
    for (const pod of [busybox, nginx, runc, wasm, gvisor]) {
      const started = Date.now();
      await pod.remove();
      show(`${pod.config.metadata?.name} removed in ${seconds(started)}`);
    }
  } catch (error) {
    for (const line of node.logTail(60)) console.error(line);
    throw error;
  } finally {
    step("Stop everything");
    await node.stop();
  }
  step("Proof that nothing is left on this host");
  const clean = proveClean(before);
  console.log(`\nDone in ${seconds(began)}.`);
  return clean ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    const { message, evidence } = asKuasarError(error);
    console.error(`\ndemo: ${message}`);
    for (const line of evidence.slice(-20)) console.error(`  ${line}`);
    Deno.exit(1);
  }
}
