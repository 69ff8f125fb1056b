/**
 * Wasm containers against the bare command of their engine: `deno run -A tests/bench/wasm.ts`, and a part of
 * `deno task bench`.
 */
import { nodePrograms } from "../../deploy/programs.ts";
import { hostTools } from "../../deploy/host/mod.ts";
import { installWasmtime } from "../../deploy/host/wasmtime.ts";
import { setup } from "../../deploy/setup.ts";
import { type EngineName, ENGINES } from "../../drivers/wasm/engine/mod.ts";
import { assemble } from "../../image/wasm/assemble.ts";
import { WASM } from "../../image/wasm/images.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { isEnding } from "../../lib/process/mod.ts";
import { runTask } from "../../lib/service/mod.ts";
import { type Container, Node, type Pod } from "../harness/mod.ts";
import { memoryOf } from "./memory.ts";
import { percentile, timed } from "./statistics.ts";
import { markdownTable, type Row } from "./table.ts";

/** What is computed where the engine's speed is measured. */
const FIB = ["/fib.wasm", "30"] as const;

/** Of each of many pods that are made at once on a small host. */
const AT_ONCE_TIMEOUT_MS = 600_000;

const spread = (samples: readonly number[]) =>
  `p50 ${percentile(samples, 0.5).toFixed(1)} ms, p99 ${percentile(samples, 0.99).toFixed(1)} ms`;
const mib = (kib: number) => `${(kib / 1024).toFixed(1)} MiB`;

/** Both engines, one after the other. */
export async function wasmRows(scale: number, say: (row: Row) => void = () => {}): Promise<Row[]> {
  const rows: Row[] = [];
  const programs: Record<EngineName, string> = {
    wasmedge: hostTools().wasmedge,
    wasmtime: Deno.env.get("KUASAR_WASMTIME") ?? await installWasmtime(),
  };
  for (const name of Object.keys(programs) as EngineName[]) {
    const bench = new WasmBench(name, programs[name], scale, (row) => {
      rows.push(row);
      say(row);
    });
    await bench.run();
  }
  return rows;
}

class WasmBench {
  readonly #name: EngineName;
  readonly #program: string;
  readonly #scale: number;
  readonly #add: (row: Row) => void;

  constructor(name: EngineName, program: string, scale: number, add: (row: Row) => void) {
    this.#name = name;
    this.#program = program;
    this.#scale = scale;
    this.#add = add;
  }

  async run(): Promise<void> {
    const folder = await Deno.makeTempDir();
    try {
      for (const module of ["hello", "fib", "ticker"] as const) {
        await Deno.writeFile(`${folder}/${module}.wasm`, await assemble(module));
      }
      await this.#bare(folder);
      await this.#bareMemory(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
    const node = await this.#startNode();
    try {
      await this.#containers(node);
      await this.#memory(node);
    } catch (error) {
      if (!isEnding()) { for (const line of node.logTail(60)) console.error(line); }
      throw error;
    } finally {
      await node.stop();
    }
  }

  #count(full: number): number {
    return Math.max(3, Math.round(full * this.#scale));
  }

  #row(what: string, value: string): void {
    this.#add({ what: `${this.#name}: ${what}`, value });
  }

  /** The engine's own command, from its start to its end. */
  async #bare(folder: string): Promise<void> {
    const engine = ENGINES[this.#name];
    const compiled = `${folder}/fib-compiled${engine.compiledSuffix}`;
    const command = (...args: string[]) => {
      mayGoOn();
      return new Deno.Command(this.#program, { args, stdout: "null" }).output();
    };
    const runs: Record<string, string[]> = {
      "bare command, hello": [`${folder}/hello.wasm`],
      "bare command, fib(30)": [`${folder}/fib.wasm`, "30"],
      "bare command, fib(30) compiled ahead": [
        ...this.#name === "wasmtime" ? ["--allow-precompiled"] : [],
        compiled,
        "30",
      ],
    };
    const { ms } = await timed(() => command(...engine.compile(`${folder}/fib.wasm`, compiled, "2")));
    for (const [what, args] of Object.entries(runs)) {
      const samples: number[] = [];
      for (let i = 0; i < this.#count(20); i++) samples.push((await timed(() => command("run", ...args))).ms);
      this.#row(what, spread(samples));
    }
    this.#row("bare compiler, fib", `${ms.toFixed(0)} ms`);
  }

  /** So many pods, or processes, at once. */
  get #widths(): number[] {
    return [1, 10, 50].filter((width) => width <= Math.max(10, 50 * this.#scale));
  }

  /** Bare processes: proportional memory of each, and how long as many take that end at once. */
  async #bareMemory(folder: string): Promise<void> {
    for (const width of this.#widths) {
      const { ms } = await timed(() =>
        Promise.all(
          this.#spawnMany(width, "run", `${folder}/hello.wasm`).map(({ status }) => status),
        )
      );
      this.#row(`${width} bare commands at once, hello`, `${ms.toFixed(0)} ms`);
      const children = this.#spawnMany(width, "run", `${folder}/ticker.wasm`, "100");
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const memory = await Promise.all(children.map(({ pid }) => memoryOf(pid)));
      const kib = memory.reduce((sum, { proportionalKib }) => sum + proportionalKib, 0);
      this.#row(`${width} bare processes, proportional memory of each`, mib(kib / width));
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map(({ status }) => status));
    }
  }

  #spawnMany(count: number, ...args: string[]): Deno.ChildProcess[] {
    mayGoOn();
    return Array.from(
      { length: count },
      () => new Deno.Command(this.#program, { args, stdout: "null" }).spawn(),
    );
  }

  async #startNode(): Promise<Node> {
    const programs = nodePrograms();
    const tools = this.#name === "wasmtime" ? { wasmtime: this.#program } : {};
    return await Node.start({
      handler: "kuasar-wasm",
      logLevel: "warn",
      images: [`${buildDir}/images/busybox.tar`, `${buildDir}/images/wasm.tar`],
      programs: { ...programs, tools: { ...programs.tools, ...tools } },
    });
  }

  async #containers(node: Node): Promise<void> {
    const pods: number[] = [];
    for (let i = 0; i < this.#count(10); i++) {
      const { result: pod, ms } = await timed(() => node.runPod({ name: `pod-${i}` }));
      pods.push(ms);
      await pod.remove();
    }
    this.#row("RunPodSandbox", spread(pods));
    const pod = await node.runPod({ name: "bench" });
    await this.#starts(pod, "create and start of a module", {
      image: WASM,
      command: ["/ticker.wasm", "100"],
    });
    const linux = { image: await node.image("busybox"), command: ["sleep", "1000"] };
    await this.#starts(pod, "create and start of a Linux container beside it", linux);
    for (const command of [["/hello.wasm"], FIB]) {
      // The first is not compiled yet.
      const first = await pod.run({ name: "first", image: WASM, command });
      await this.#end(first);
      await first.remove();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const samples: number[] = [];
      for (let i = 0; i < this.#count(20); i++) {
        const container = await pod.create({ name: `run-${i}`, image: WASM, command });
        const begin = Date.now();
        await container.start();
        const { finishedAt } = await this.#end(container);
        samples.push(Number(finishedAt) / 1e6 - begin);
        await container.remove();
      }
      this.#row(`container, from StartContainer to its end, ${command.join(" ")}`, spread(samples));
    }
    await pod.remove();
  }

  async #starts(pod: Pod, what: string, options: { image: string; command: string[] }): Promise<void> {
    const samples: number[] = [];
    for (let i = 0; i < this.#count(20); i++) {
      const { result: container, ms } = await timed(() => pod.run({ name: `start-${i}`, ...options }));
      samples.push(ms);
      await container.stop(0);
      await container.remove();
    }
    this.#row(what, spread(samples));
  }

  async #end(container: Container) {
    const status = await container.waitForExit();
    if (status.exitCode !== 0) throw new Error(`Cannot measure: the module ended with ${status.exitCode}`);
    return status;
  }

  /** Proportional memory per module and of all of ours, with so many pods. */
  async #memory(node: Node): Promise<void> {
    const own = async () => {
      const ours = [...node.supervisor.pids].filter(([name]) => name !== "containerd").map(([, pid]) => pid);
      const memory = await Promise.all(ours.map(memoryOf));
      return memory.reduce((sum, { proportionalKib }) => sum + proportionalKib, 0);
    };
    this.#row("memory of our processes, no pod", mib(await own()));
    for (const width of this.#widths) {
      const names = Array.from({ length: width }, (_, i) => `once-${width}-${i}`);
      const { result, ms } = await timed(() =>
        Promise.all(names.map(async (name) => {
          const pod = await node.runPod({ name }, AT_ONCE_TIMEOUT_MS);
          await pod.run({ name: "c", image: WASM, command: ["/ticker.wasm", "1000"] });
          return pod;
        }))
      );
      this.#row(`${width} pods with a module, made at once`, `${ms.toFixed(0)} ms`);
      await Promise.all(result.map((pod) => pod.remove()));
    }
    const pods: Pod[] = [];
    for (const wanted of this.#widths) {
      while (pods.length < wanted) {
        const pod = await node.runPod({ name: `memory-${pods.length}` });
        pods.push(pod);
        await pod.run({ name: "c", image: WASM, command: ["/ticker.wasm", "1000"] });
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const engines = enginesOf(pods);
      const memory = await Promise.all(engines.map(memoryOf));
      const each = memory.reduce((sum, { proportionalKib }) => sum + proportionalKib, 0) / engines.length;
      this.#row(`${wanted} pods with a module, proportional memory of each engine`, mib(each));
      this.#row(`${wanted} pods with a module, memory of our processes`, mib(await own()));
    }
    const { ms } = await timed(() => Promise.all(pods.map((pod) => pod.remove())));
    this.#row(`removal of ${pods.length} pods at once`, `${ms.toFixed(0)} ms`);
  }
}

/** The engines' processes: those in the pods' cgroups. */
function enginesOf(pods: readonly Pod[]): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    if (!Number.isInteger(pid)) return false;
    try {
      const cgroup = Deno.readTextFileSync(`/proc/${pid}/cgroup`);
      return pods.some(({ id }) => cgroup.includes(id));
    } catch {
      return false;
    }
  });
}

/** @throws KuasarError CANCELLED when this process ends: nobody else ends what engines alone are measured by */
function mayGoOn(): void {
  if (isEnding()) throw new KuasarError("CANCELLED", "Cannot go on: this process is ending");
}

async function main(): Promise<number> {
  await setup();
  const rows = await wasmRows(
    Deno.args.includes("--quick") ? 0.2 : 1,
    ({ what, value }) => console.error(`bench: ${what}: ${value}`),
  );
  console.log(markdownTable(rows));
  return 0;
}

if (import.meta.main) await runTask("bench", main);
