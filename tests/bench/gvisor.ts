/**
 * gVisor pods against bare `runsc`: `deno run -A tests/bench/gvisor.ts`, and a part of `deno task bench`.
 */
import { hostTools } from "../../deploy/host/mod.ts";
import { setup } from "../../deploy/setup.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { Node, type Pod } from "../harness/mod.ts";
import { memoryOf } from "./memory.ts";
import { percentile, timed } from "./statistics.ts";
import { markdownTable, type Row } from "./table.ts";

const spread = (samples: readonly number[]) =>
  `p50 ${percentile(samples, 0.5).toFixed(0)} ms, p99 ${percentile(samples, 0.99).toFixed(0)} ms`;
const mib = (kib: number) => `${(kib / 1024).toFixed(1)} MiB`;

/** What both sides run. */
const COMMAND = ["/bin/busybox", "true"];

/** The same work by runsc alone and by a pod, in one table. */
export async function gvisorRows(scale: number, say: (row: Row) => void = () => {}): Promise<Row[]> {
  const rows: Row[] = [];
  const add = (what: string, value: string) => {
    rows.push({ what: `gVisor: ${what}`, value });
    say(rows.at(-1)!);
  };
  const count = (full: number) => Math.max(3, Math.round(full * scale));
  const bare = await BareRunsc.make();
  const node = await Node.start({
    handler: "kuasar-gvisor",
    logLevel: "warn",
    images: [`${buildDir}/images/busybox.tar`],
  });
  try {
    const image = await node.image("busybox");
    const whole: number[] = [];
    const pods: number[] = [];
    const containers: number[] = [];
    const removals: number[] = [];
    // In turn, so that whatever else the host does slows both.
    for (let i = 0; i < count(20); i++) {
      whole.push((await timed(() => bare.run(`w${i}`))).ms);
      const { result: pod, ms } = await timed(() => node.runPod({ name: `pod-${i}` }));
      pods.push(ms);
      const options = { name: "c", image, command: COMMAND };
      const run = async () => await (await pod.run(options)).waitForExit();
      containers.push((await timed(run)).ms);
      removals.push((await timed(() => pod.remove())).ms);
    }
    add("bare `runsc run` of `true`: sandbox, container, end, removal", spread(whole));
    add("RunPodSandbox", spread(pods));
    add("container with `true`, created, started and ended", spread(containers));
    add("removal of the pod", spread(removals));
    await exec(node, bare, count(20), add);
    await memory(node, bare, count(10), add);
    return rows;
  } catch (error) {
    for (const line of node.logTail(60)) console.error(line);
    throw error;
  } finally {
    await node.stop();
    await bare.end();
  }
}

type Add = (what: string, value: string) => void;

async function exec(node: Node, bare: BareRunsc, times: number, add: Add): Promise<void> {
  const pod = await node.runPod({ name: "exec" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
  });
  await bare.start("exec");
  const [alone, ours]: [number[], number[]] = [[], []];
  for (let i = 0; i < times; i++) {
    alone.push((await timed(() => bare.call("exec", "exec", ...COMMAND))).ms);
    ours.push((await timed(() => container.exec(["true"]))).ms);
  }
  add("bare `runsc exec` of `true`", spread(alone));
  add("ExecSync of `true`", spread(ours));
  await pod.remove();
}

/** Proportional memory of so many sandboxes, each with one container that sleeps. */
async function memory(node: Node, bare: BareRunsc, pods: number, add: Add): Promise<void> {
  const image = await node.image("busybox");
  const running: Pod[] = [];
  const { ms } = await timed(async () => {
    running.push(
      ...await Promise.all(Array.from({ length: pods }, (_, i) => node.runPod({ name: `memory-${i}` }))),
    );
  });
  add(`${pods} pods at once`, `${ms.toFixed(0)} ms`);
  for (const pod of running) await pod.run({ name: "c", image, command: ["sleep", "1000"] });
  const ofPods = await memoryWith((cmdline) => running.some(({ id }) => cmdline.includes(id)));
  add(`proportional memory of each of ${pods} pods: gVisor's kernel, two gofers`, mib(ofPods / pods));
  await Promise.all(running.map((pod) => pod.remove()));
  for (let i = 0; i < pods; i++) await bare.start(`m${i}`);
  const ofBare = await memoryWith((cmdline) => cmdline.includes(bare.root));
  add(
    `proportional memory of each of ${pods} bare sandboxes: gVisor's kernel, one gofer`,
    mib(ofBare / (pods + 1)),
  );
}

/** The sum over runsc's processes whose command line fits. @returns KiB */
async function memoryWith(fits: (cmdline: string) => boolean): Promise<number> {
  let sum = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const cmdline = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      if (/^runsc-(?:sandbox|gofer)/.test(cmdline) && fits(cmdline)) {
        sum += (await memoryOf(Number(name))).proportionalKib;
      }
    } catch {
      // Gone meanwhile.
    }
  }
  return sum;
}

/** runsc alone, with the platform and settings of the driver's defaults and no network. */
class BareRunsc {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<BareRunsc> {
    const bare = new BareRunsc(await Deno.makeTempDir({ dir: "/run", prefix: "kbg" }));
    await Deno.mkdir(`${bare.#folder}/rootfs/bin`, { recursive: true });
    await Deno.copyFile(hostTools().busyboxStatic, `${bare.#folder}/rootfs/bin/busybox`);
    return bare;
  }

  get root(): string {
    return `${this.#folder}/root`;
  }

  /** One call, to its end. */
  async call(...args: string[]): Promise<void> {
    const command = new Deno.Command(hostTools().runsc, {
      args: ["--root", this.root, "--platform=systrap", "--network=none", "--overlay2=root:memory", ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    const { code } = await command.spawn().status;
    if (code !== 0) throw new Error(`Cannot measure: runsc ${args[0]} ended with ${code}`);
  }

  /** A sandbox with one container, from its making to its removal. */
  async run(id: string): Promise<void> {
    await this.call("run", "--bundle", await this.#bundle(id, COMMAND), id);
  }

  /** A sandbox whose container sleeps until {@link end}. */
  async start(id: string): Promise<void> {
    const bundle = await this.#bundle(id, ["/bin/busybox", "sleep", "1000"]);
    await this.call("create", "--bundle", bundle, id);
    await this.call("start", id);
  }

  async end(): Promise<void> {
    for (const { name } of Deno.readDirSync(this.root)) {
      const [, id] = /^(\w+)_sandbox:/.exec(name) ?? [];
      if (id !== undefined) await this.call("delete", "--force", id).catch(() => {});
    }
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #bundle(id: string, args: string[]): Promise<string> {
    const bundle = `${this.#folder}/${id}`;
    await Deno.mkdir(bundle);
    const spec = {
      ociVersion: "1.1.0",
      process: { args, cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } },
      root: { path: `${this.#folder}/rootfs`, readonly: true },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: { namespaces: ["pid", "ipc", "uts", "mount", "network"].map((type) => ({ type })) },
    };
    await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(spec));
    return bundle;
  }
}

if (import.meta.main) {
  await setup();
  const scale = Deno.args.includes("--quick") ? 0.2 : 1;
  console.log(
    markdownTable(await gvisorRows(scale, ({ what, value }) => console.error(`bench: ${what}: ${value}`))),
  );
}
