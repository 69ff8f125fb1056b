/**
 * `deno task bench:runc`: pods of plain namespaces against containerd's own containerd-shim-runc-v2, on one node, with the same
 * OCI runtime and the same image. Numbers of different hosts do not compare.
 *
 * `--runtime crun` measures us with crun; the shim keeps runc, which it needs on a host with both versions of cgroups.
 */
import { setup } from "../../deploy/setup.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { isEnding } from "../../lib/process/mod.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask, VERSION } from "../../lib/service/mod.ts";
import { findProcesses, Node, PAUSE_REF, pauseImage, type Pod } from "../harness/mod.ts";
import { Contestant, LATENCIES, Results } from "./contestant.ts";
import { memoryOf } from "./memory.ts";
import { slope } from "./statistics.ts";
import { comparisonTable } from "./table.ts";

const FLAGS = {
  "runtime": { kind: "string", default: "runc", oneOf: ["runc", "crun"], help: "OCI runtime of our side" },
  "quick": { kind: "boolean", help: "Fewer of everything, to see that it works" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const OURS = "kuasar-runc";
const SHIM = "runc";
const SIDES = [OURS, SHIM] as const;

/** Pods between two looks at the memory. */
const MEMORY_STEP = 5;
const SETTLE_MS = 3_000;

const say = (text: string) => console.error(`bench: ${text}`);

/** One side, with the memory that it takes. */
class Side extends Contestant {
  readonly #node: Node;

  constructor(node: Node, side: (typeof SIDES)[number], image: string, results: Results) {
    super(side, image, results, (options) => node.runPod({ ...options, handler: side }, 300_000));
    this.#node = node;
  }

  /** Proportional memory in MiB of all that serves pods on this side, without containerd and the containers themselves. */
  async memory(): Promise<number> {
    const pids = this.side === SHIM
      ? findProcesses(/^containerd-shim/, this.#node.runDir)
      : [...this.#node.processes].filter(([name]) => name !== "containerd").map(([, pid]) => pid);
    const all = await Promise.all(pids.map(memoryOf));
    return all.reduce((sum, { proportionalKib }) => sum + proportionalKib, 0) / 1024;
  }

  /**
   * Memory with no pods up to `most`, each with a container, and what one more takes. The pods that come first warm the
   * services up and are not counted.
   */
  async memoryWithPods(most: number): Promise<void> {
    const warm = [];
    for (let i = 0; i < MEMORY_STEP; i++) warm.push(await this.#podWithContainer(`warm-${i}`));
    for (const pod of warm) await pod.remove();
    const points: [number, number][] = [];
    const pods: Pod[] = [];
    for (let count = 0; count <= most; count += MEMORY_STEP) {
      while (pods.length < count) pods.push(await this.#podWithContainer(`memory-${pods.length}`));
      // What a burst has left behind is given back a moment later.
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const total = await this.memory();
      points.push([count, total]);
      this.results.add(`memory with ${count} pods`, this.side, total);
    }
    this.results.add("memory per additional pod", this.side, slope(points) * 1024);
    for (const pod of pods) await pod.remove();
  }

  async #podWithContainer(name: string): Promise<Pod> {
    const pod = await this.pod(name);
    await this.sleeper(pod, "c");
    return pod;
  }
}

async function startNode(runtime: "runc" | "crun"): Promise<Node> {
  const programs = nodePrograms();
  const pause = await Deno.makeTempFile({ prefix: "bench-", suffix: ".tar" });
  await Deno.writeFile(pause, await pauseImage());
  try {
    return await Node.start({
      handler: OURS,
      programs: { ...programs, tools: { ...programs.tools, crun: programs.tools[runtime] } },
      logLevel: "warn",
      pauseImage: PAUSE_REF,
      images: [`${buildDir}/images/busybox.tar`, pause],
    });
  } finally {
    await Deno.remove(pause);
  }
}

async function heading(node: Node, runtime: string): Promise<string[]> {
  const version = await node.cri.runtime.version({ version: "v1" });
  const model = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ??
    Deno.build.arch;
  return [
    `Kuasar in TypeScript ${VERSION} with ${runtime} against containerd-shim-runc-v2 with runc; ` +
    `${version.runtimeName} ${version.runtimeVersion}, Deno ${Deno.version.deno}`,
    `Host: ${navigator.hardwareConcurrency} x ${model}, Linux ${Deno.osRelease()}`,
  ];
}

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(
      formatHelp({ name: "deno task bench:runc", summary: "measure against the shim", flags: FLAGS }),
    );
    return EXIT.OK;
  }
  await setup();
  const [rounds, widths, most] = flags.quick ? [3, [1, 5], 15] : [20, [1, 10, 50], 50];
  const node = await startNode(flags.runtime as "runc" | "crun");
  try {
    const image = await node.image("busybox");
    const results = new Results(OURS, SHIM);
    const sides = SIDES.map((side) => new Side(node, side, image, results));
    for (const side of sides) {
      say(`memory: ${side.side}`);
      await side.memoryWithPods(most);
    }
    say("latencies");
    // In turns, so that whatever else the host does hits both.
    for (let round = 0; round < rounds; round++) for (const side of sides) await side.life(round);
    for (const width of widths) {
      say(`${width} at once`);
      for (let round = 0; round < (width === 1 ? rounds : 3); round++) {
        for (const side of sides) await side.parallel(width, round);
      }
    }
    const latency = { share: 0.8 };
    const rate = { share: 1.5, least: true };
    const rows = [
      ...LATENCIES.map((what) => results.row(what, "ms", latency)),
      ...widths.map((width) => results.row(`pods per second, ${width} at once`, "/s", rate)),
      results.row("memory per additional pod", "KiB", { share: 0.05 }, 0),
      ...[0, 10, most].map((count) => results.row(`memory with ${count} pods`, "MiB")),
    ];
    console.log(`\n${(await heading(node, flags.runtime)).join("\n")}\n\n${comparisonTable(rows)}`);
  } catch (error) {
    if (!isEnding()) { for (const line of node.logTail(80)) console.error(line); }
    throw error;
  } finally {
    await node.stop();
  }
  return EXIT.OK;
}

if (import.meta.main) await runTask("bench:runc", main);
