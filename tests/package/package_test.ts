/** The packages for Debian: what is in them, that they are made the same again, and their life on a clean machine. */
import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { buildPackages } from "../../deploy/package/build.ts";
import { OWN_CONTAINERD } from "../../deploy/package/own_containerd.ts";
import { buildDir, capture, needCommands, type Suite } from "../../lib/build/mod.ts";
import { connectCri, type Cri, podConfig, waitForCri } from "../../lib/cri/mod.ts";
import { WASM } from "../../image/wasm/images.ts";
import { imageArchive } from "../e2e/fixture.ts";
import { type Container, Pod } from "../harness/mod.ts";
import { obstacle } from "../systemd/machine.ts";
import { DebianMachine, GIVEN } from "./debian.ts";

const IMAGE = "docker.io/library/busybox:kuasar";
/** The first call starts the driver; a guest without KVM takes its time. */
const TIMEOUT = { timeoutMs: 300_000 };
/** Every kind whose programs are packages of Debian or in ours. */
const KINDS = ["runc", "gvisor", "wasm", "qemu"];
/** Ours that an upgrade starts again, and what goes on. */
const RESTARTED = ["kuasar-sandboxer", "kuasar-storage", "kuasar-network", "kuasar-driver-qemu"];
const UNTOUCHED = ["kuasar-task", "kuasar-containerd"];
const CTR = ["kuasar-ctr", "--namespace=k8s.io"];
/** Says a number ten times a second. */
const COUNT = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done";

const missing = obstacle();
if (missing) console.log(`the packages are not tested on a Debian of their own: ${missing}`);

const OUT = `${buildDir}/packages-test`;
const about = (version: string) => ({
  version,
  architecture: Deno.build.arch === "x86_64" ? "amd64" : "arm64",
  maintainer: "Kuasar <kuasar@tests.example>",
  epochS: 1_700_000_000,
});

let made: Promise<string[]> | undefined;
/** The packages that are installed first. */
const firstPackages = () => made ??= buildPackages(about("1.0.0"), OUT);

Deno.test("packages made twice are the same, and Debian's policy has no objection", async () => {
  const once = await firstPackages();
  const again = await buildPackages(about("1.0.0"), `${OUT}/again`);
  for (const [index, file] of once.entries()) {
    ok(equal(await Deno.readFile(file), await Deno.readFile(again[index]!)), `${file} differs`);
  }
  await Deno.remove(`${OUT}/again`, { recursive: true });
  const listed = await capture("dpkg-deb", ["--contents", once[0]!]);
  for (const line of listed.trim().split("\n")) match(line, /^\S+ root\/root /);
  await needCommands({ lintian: "lintian" }, `${buildDir}/log/package.log`, console.log);
  const { stdout } = await new Deno.Command("lintian", {
    args: ["--allow-root", "--fail-on=none", "--no-tag-display-limit", ...once],
  }).output();
  const findings = new TextDecoder().decode(stdout).split("\n");
  deepStrictEqual(findings.filter((line) => line.startsWith("E:")), []);
});

/** The oldest release that is promised; others by hand, with commas between: `bookworm,trixie`. */
const SUITES = (Deno.env.get("KUASAR_PACKAGE_SUITES") ?? "bookworm").split(",") as Suite[];

for (const suite of SUITES) {
  Deno.test({
    name:
      `on a clean Debian (${suite}) the packages run pods of every kind, are upgraded unnoticed, and leave nothing`,
    ignore: missing !== undefined,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const first = await firstPackages();
      const next = await buildPackages(about("1.0.1"), OUT);
      const images = [imageArchive("busybox"), `${buildDir}/images/wasm.tar`];
      const machine = await DebianMachine.boot(suite, [...first, ...next, ...images]);
      try {
        await check(machine, { first, next, images });
      } catch (error) {
        console.error((await machine.run("journalctl", "--no-pager", "--unit=kuasar*", "--lines=120")).text);
        throw error;
      } finally {
        await machine.stop();
      }
    },
  });
}

async function check(
  machine: DebianMachine,
  { first, next, images }: { first: string[]; next: string[]; images: string[] },
): Promise<void> {
  const given = (path: string) => `${GIVEN}/${path.slice(path.lastIndexOf("/") + 1)}`;
  const apt = (...args: string[]) => machine.done("apt-get", "-q", "-y", ...args);
  const before = await machine.inventory();
  await apt("install", ...first.map(given));
  strictEqual(await machine.done("systemctl", "--failed", "--no-legend", "--plain"), "");
  await checkHost(machine);
  const address = machine.path(OWN_CONTAINERD.address);
  await waitForCri(address, 60_000);
  for (const image of images) {
    await machine.done(...CTR, "images", "import", "--local", given(image));
  }
  const cri = connectCri(address, TIMEOUT);
  try {
    const pods: Started[] = [];
    for (const kind of KINDS) pods.push(await startPod(machine, cri, kind));
    await upgrade(machine, pods, () => apt("install", ...next.map(given)));
    for (const { pod, container } of pods) {
      ok(await pod.isReady());
      strictEqual((await container.shell("echo after")).stdout, "after\n");
    }
    const refused = await machine.run("apt-get", "-q", "-y", "purge", "kuasar");
    notStrictEqual(refused.code, 0);
    match(refused.text, /remove these pods first:\s+\S+ +default\/pod-/);
    for (const { pod, container, stream } of pods) {
      await machine.done(...CTR, "tasks", "kill", "--exec-id=count", "--signal=SIGKILL", container.id);
      await stream.end();
      await pod.remove();
    }
  } finally {
    cri.close();
  }
  const started = await starts(machine);
  await apt("purge", "kuasar", "kuasar-programs");
  // What goes is not started once more.
  deepStrictEqual(await starts(machine), started);
  await apt("purge", "--auto-remove");
  const left = [...await machine.inventory()].filter((line) => !before.has(line));
  deepStrictEqual(left, []);
}

/** How often each of {@link RESTARTED} has been started. */
async function starts(machine: DebianMachine): Promise<number[]> {
  await machine.done("journalctl", "--sync");
  return await Promise.all(RESTARTED.map(async (unit) => {
    const lines = await machine.done("journalctl", "--no-pager", "--quiet", "--output=cat", `--unit=${unit}`);
    return lines.split("\n").filter((line) => line.includes("msg=Ready version=")).length;
  }));
}

/** `kuasar-ctl check` finds all that is enabled in order. */
async function checkHost(machine: DebianMachine): Promise<void> {
  const { code, text } = await machine.run("kuasar-ctl", "check", "--json");
  const findings: { what: string; verdict: string; detail: string }[] = JSON.parse(text);
  const verdicts = new Map(findings.map(({ what, verdict, detail }) => [what, `${verdict}: ${detail}`]));
  for (const kind of KINDS) match(verdicts.get(`kuasar-${kind}`) ?? "", /^(ok|slow): /, kind);
  strictEqual(code, 0, text);
}

interface Started {
  pod: Pod;
  container: Container;
  stream: NumberStream;
}

async function startPod(machine: DebianMachine, cri: Cri, kind: string): Promise<Started> {
  const config = podConfig({ name: `pod-${kind}`, hostname: `on-${kind}` });
  const request = { config, runtimeHandler: `kuasar-${kind}` };
  const { podSandboxId } = await cri.runtime.runPodSandbox(request, TIMEOUT);
  const pod = new Pod(cri, podSandboxId, config);
  const container = await pod.run({ name: "c", image: IMAGE, command: ["sleep", "10000"] });
  strictEqual((await container.shell("hostname")).stdout, `on-${kind}\n`);
  ok(await pod.ip(), `${kind} has an address`);
  if (kind === "wasm") {
    const module = await pod.run({ name: "module", image: WASM, command: ["/hello.wasm"] });
    strictEqual((await module.waitForExit()).exitCode, 0);
  }
  const exec = [...CTR, "tasks", "exec", "--exec-id=count", container.id];
  return { pod, container, stream: new NumberStream(machine.start(...exec, "sh", "-c", COUNT)) };
}

/** No container notices an upgrade: what streams goes on without a gap, and what holds them is not started again. */
async function upgrade(
  machine: DebianMachine,
  pods: readonly Started[],
  run: () => Promise<unknown>,
): Promise<void> {
  const pids = (units: readonly string[]) => Promise.all(units.map((unit) => machine.mainPid(unit)));
  const [task, services] = [await pids(UNTOUCHED), await pids(RESTARTED)];
  const started = await starts(machine);
  const file = machine.path("/etc/kuasar/storage.toml");
  await Deno.writeTextFile(file, "# changed here\n", { append: true });
  await run();
  match(await Deno.readTextFile(file), /# changed here\n$/);
  deepStrictEqual(await pids(UNTOUCHED), task);
  for (const [index, pid] of (await pids(RESTARTED)).entries()) {
    notStrictEqual(pid, "0");
    notStrictEqual(pid, services[index], `${RESTARTED[index]} is the one of before`);
  }
  deepStrictEqual(await starts(machine), started.map((count) => count + 1), "each is started again once");
  for (const { pod, stream } of pods) await stream.goesOn(pod.config.metadata!.name);
}

/** The output of {@link COUNT}, of which no line may be lost. */
class NumberStream {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;
  #next = 0;
  #wrong: string | undefined;
  #told: () => void = () => {};

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#read = this.#follow(child.stdout);
  }

  async #follow(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.trim() !== String(this.#next)) this.#wrong ??= `${line} in place of ${this.#next}`;
        this.#next++;
      }
      this.#told();
    }
    this.#wrong ??= "it has ended";
    this.#told();
  }

  /** Waits for numbers that are said from now on. @throws where one was lost or the stream has ended */
  async goesOn(name: string): Promise<void> {
    const wanted = this.#next + 5;
    while (this.#next < wanted && this.#wrong === undefined) {
      await new Promise<void>((resolve) => this.#told = resolve);
    }
    strictEqual(this.#wrong, undefined, `the stream of ${name}`);
  }

  async end(): Promise<void> {
    await this.#read;
    await this.#child.status;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
