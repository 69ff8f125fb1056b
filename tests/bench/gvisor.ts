/**
 * gVisor pods against bare `runsc`: `deno run -A tests/bench/gvisor.ts`, and a part of `deno task bench`.
 */
import { hostTools } from "../../deploy/host/mod.ts";
import { setup } from "../../deploy/setup.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { isEnding } from "../../lib/process/mod.ts";
import { runTask } from "../../lib/service/mod.ts";
import { Node, type Pod } from "../harness/mod.ts";
import { memoryOf } from "./memory.ts";
import { percentile, timed } from "./statistics.ts";
import { markdownTable, type Row } from "./table.ts";

const spread = (samples: readonly number[]) =>
  `p50 ${percentile(samples, 0.5).toFixed(0)} ms, p99 ${percentile(samples, 0.99).toFixed(0)} ms`;
const mib = (kib: number) => `${(kib / 1024).toFixed(1)} MiB`;

/** Of each of many pods that are made at once on a small host. */
const AT_ONCE_TIMEOUT_MS = 600_000;

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
    for (const width of [1, 10, 50]) {
      if (width <= Math.max(10, 50 * scale)) await atOnce(node, bare, width, add);
    }
    return rows;
  } catch (error) {
    if (!isEnding()) { for (const line of node.logTail(60)) console.error(line); }
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

/** So many sandboxes with a container that sleeps, made at the same time: how long it takes, and the memory of each. */
async function atOnce(node: Node, bare: BareRunsc, width: number, add: Add): Promise<void> {
  const image = await node.image("busybox");
  const each = Array.from({ length: width }, (_, i) => i);
  const ours = await timed(() =>
    Promise.all(each.map(async (i) => {
      const pod = await node.runPod({ name: `many-${width}-${i}` }, AT_ONCE_TIMEOUT_MS);
      await pod.run({ name: "c", image, command: ["sleep", "1000"] });
      return pod;
    }))
  );
  const pods: Pod[] = ours.result;
  const ofPods = await memoryWith((cmdline) => pods.some(({ id }) => cmdline.includes(id)));
  await Promise.all(pods.map((pod) => pod.remove()));
  add(`${width} pods with a container, made at once`, `${ours.ms.toFixed(0)} ms`);
  add(`${width} pods, proportional memory of each: kernel, two gofers`, mib(ofPods / width));
  const before = await memoryWith((cmdline) => cmdline.includes(bare.root));
  // All of one length: runsc refuses an id that two begin with, as m50x1 where there are m50x10 and m50x11.
  const ids = each.map((i) => `m${width}x${String(i).padStart(3, "0")}`);
  const alone = await timed(() => Promise.allSettled(ids.map((id) => bare.start(id))));
  const failed = alone.result.filter(({ status }) => status === "rejected").length;
  const ofBare = await memoryWith((cmdline) => cmdline.includes(bare.root)) - before;
  await Promise.allSettled(ids.map((id) => bare.call("delete", "--force", id)));
  const made = width - failed;
  const note = failed > 0 ? `, of which ${failed} failed` : "";
  add(`${width} bare sandboxes with a container, made at once`, `${alone.ms.toFixed(0)} ms${note}`);
  add(`${width} bare sandboxes, proportional memory of each: kernel, one gofer`, mib(ofBare / made));
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
    const ids = [...Deno.readDirSync(this.root)].flatMap(({ name }) =>
      /^(\w+)_sandbox:/.exec(name)?.[1] ?? []
    );
    await Promise.allSettled([...new Set(ids)].map((id) => this.call("delete", "--force", id)));
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

async function main(): Promise<number> {
  await setup();
  const scale = Deno.args.includes("--quick") ? 0.2 : 1;
  console.log(
    markdownTable(await gvisorRows(scale, ({ what, value }) => console.error(`bench: ${what}: ${value}`))),
  );
  return 0;
}

if (import.meta.main) await runTask("bench", main);
