import { nodePrograms } from "../../deploy/programs.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";
import { AdminDefinition } from "../../lib/proto/gen/kuasar/admin/v1/admin.ts";
import { type Container, findProcesses, type Node, type Pod } from "../harness/mod.ts";
import { agentResidentKib, rawStdout } from "./guest_stream.ts";
import { memoryOf, memoryOfTree, type ProcessMemory } from "./memory.ts";
import { rawBoot } from "./raw_boot.ts";
import { percentile, timed } from "./statistics.ts";
import type { Row } from "./table.ts";

/** Memory of every sandbox here, as in the generated configuration. */
export const MEMORY_MIB = 256;
const MIB = 1 << 20;

const ms = (samples: readonly number[], p: number) => `${percentile(samples, p).toFixed(0)} ms`;
const spread = (samples: readonly number[]) => `p50 ${ms(samples, 0.5)}, p99 ${ms(samples, 0.99)}`;
const mib = (kib: number) => `${(kib / 1024).toFixed(1)} MiB`;
const say = (text: string) => console.error(`bench: ${text}`);

function toMs(time: Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1000 + time.nanos / 1e6;
}

/** Measures on one node and gathers the rows of the table. */
export class Bench {
  readonly rows: Row[] = [];
  readonly #node: Node;
  readonly #scale: number;
  readonly #image: string;

  constructor(node: Node, image: string, scale: number) {
    this.#node = node;
    this.#image = image;
    this.#scale = scale;
  }

  add(what: string, value: string, aim?: string, met?: boolean): void {
    this.rows.push({
      what,
      value,
      ...(aim === undefined ? {} : { aim }),
      ...(met === undefined ? {} : { met }),
    });
    say(`${what}: ${value}`);
  }

  count(full: number): number {
    return Math.max(2, Math.round(full * this.#scale));
  }

  async sleeper(pod: Pod, name = "c"): Promise<Container> {
    return await pod.run({ name, image: this.#image, command: ["sleep", "100000"] });
  }

  /**
   * One pod after the other, with the phases of each, and in turn with them boots that have nothing of ours on the host: so
   * whatever else the host does slows both.
   */
  async serialPods(pods: number, accel: "kvm" | "tcg", kernelParams: string): Promise<void> {
    const raw: number[] = [];
    const { samples, phases } = await this.#serial(pods, async () => {
      raw.push(await rawBoot({ programs: nodePrograms(), memoryMib: MEMORY_MIB, kernelParams, accel }));
    });
    // Of each pod to the boot just before it, so that a host that others slow now and then slows no difference.
    const over = percentile(samples.map((ms, i) => ms - raw[i]!), 0.5);
    this.add("raw QEMU boot to the agent's first answer", spread(raw));
    this.add("RunPodSandbox, serial", spread(samples));
    this.add("RunPodSandbox beyond a raw boot", `p50 ${over.toFixed(0)} ms`, "<= 100 ms", over <= 100);
    for (const [name, list] of phases) this.add(`  phase ${name}`, spread(list));
  }

  /** One pod after the other, with the phases of each. */
  async podsInTurn(pods: number): Promise<void> {
    const { samples, phases } = await this.#serial(pods, () => Promise.resolve());
    this.add("RunPodSandbox, serial", spread(samples));
    for (const [name, list] of phases) this.add(`  phase ${name}`, spread(list));
  }

  async #serial(
    pods: number,
    before: () => Promise<void>,
  ): Promise<{ samples: number[]; phases: Map<string, number[]> }> {
    const samples: number[] = [];
    const phases = new Map<string, number[]>();
    const admin = grpcClient(AdminDefinition, `${this.#node.runDir}/sandboxer.sock`);
    for (let i = 0; i < this.count(pods); i++) {
      await before();
      const { result: pod, ms } = await timed(() => this.#node.runPod({ name: `serial-${i}` }));
      samples.push(ms);
      for (const phase of (await admin.timeline({ id: pod.id })).phases) {
        const list = phases.get(phase.name) ?? [];
        list.push(toMs(phase.end) - toMs(phase.begin));
        phases.set(phase.name, list);
      }
      await pod.remove();
    }
    admin.close();
    return { samples, phases };
  }

  /** Several pods at once. */
  async parallelPods(width: number): Promise<void> {
    const samples: number[] = [];
    for (let round = 0; round < this.count(2); round++) {
      const started = await Promise.all(Array.from({ length: width }, (_, i) => {
        return timed(() => this.#node.runPod({ name: `parallel-${width}-${round}-${i}` }, 300_000));
      }));
      samples.push(...started.map((s) => s.ms));
      await Promise.all(started.map((s) => s.result.remove()));
    }
    this.add(`RunPodSandbox, ${width} at once`, spread(samples));
  }

  /** Containers and execs in one pod. */
  async containers(pod: Pod): Promise<void> {
    const creates: number[] = [];
    for (let i = 0; i < this.count(10); i++) {
      const { result: container, ms } = await timed(() => this.sleeper(pod, `create-${i}`));
      creates.push(ms);
      await container.stop(0);
      await container.remove();
    }
    this.add("create and start of a container", spread(creates));
    const container = await this.sleeper(pod, "exec");
    const execs: number[] = [];
    for (let i = 0; i < this.count(30); i++) execs.push((await timed(() => container.exec(["true"]))).ms);
    this.add("ExecSync true", spread(execs));
  }

  /** stdout of an exec through the whole chain, against the agent's stream read directly. */
  async throughput(pod: Pod): Promise<void> {
    const container = await this.sleeper(pod, "throughput");
    const bytes = this.count(50) * MIB;
    const script = `head -c ${bytes} /dev/zero`;
    const admin = grpcClient(AdminDefinition, `${this.#node.runDir}/sandboxer.sock`);
    const { guest } = await admin.inspect({ id: pod.id });
    admin.close();
    const raw = await rawStdout(guest!, container.id, script);
    const session = await container.interactive(["sh", "-c", script], { stdin: false, keepStdout: false });
    let received = 0;
    session.onStdout = (piece) => received += piece.length;
    const { ms } = await timed(() => session.waitForExit());
    await session.close();
    const rate = (count: number, ms: number) => count / MIB / (ms / 1000);
    const [rawRate, ourRate] = [rate(raw.bytes, raw.ms), rate(received, ms)];
    this.add("stdout read straight from the guest's vsock", `${rawRate.toFixed(0)} MiB/s`);
    const share = ourRate / rawRate;
    const value = `${ourRate.toFixed(0)} MiB/s (${(share * 100).toFixed(0)} %)`;
    this.add("stdout of an exec through kuasar-task and containerd", value, ">= 80 % of it", share >= 0.8);
    const rss = await agentResidentKib(guest!);
    this.add("agent in the guest, resident", mib(rss), "<= 4 MiB", rss <= 4096);
  }

  /** Memory of every process of ours with these pods. */
  async memory(running: readonly Pod[]): Promise<void> {
    const pods = running.length;
    let services = 0;
    for (const [name, pid] of this.#node.supervisor.pids) {
      if (name === "containerd") continue;
      // The task server has its keeper above it; what drivers start counts with the pods.
      const { residentKib, proportionalKib } = await (name === "kuasar-task" ? memoryOfTree : memoryOf)(pid);
      const value = `${mib(residentKib)} resident, ${mib(proportionalKib)} proportional`;
      if (name === "kuasar-task" && pods === 10) {
        this.add(`${name}, ${pods} pods`, value, "<= 8 MiB", residentKib <= 8192);
      } else this.add(`${name}, ${pods} pods`, value);
      if (this.#node.services.includes(name)) services += proportionalKib;
    }
    const what = `all Deno services, ${pods} pods`;
    const value = `${mib(services)} proportional`;
    if (pods === 10) this.add(what, value, "<= 250 MiB", services <= 250 * 1024);
    else this.add(what, value);
    await this.memoryPerPod(running);
  }

  /** The mean of what each kind of process takes that runs once for every pod. */
  async memoryPerPod(running: readonly Pod[]): Promise<void> {
    const ofKind = new Map<string, ProcessMemory[]>();
    const resident = new Set(this.#node.supervisor.pids.values());
    for (const pod of running) {
      for (const pid of findProcesses(/./, pod.id)) {
        if (resident.has(pid)) continue;
        const name = (await Deno.readTextFile(`/proc/${pid}/comm`).catch(() => "")).trim();
        ofKind.set(name, [...ofKind.get(name) ?? [], await memoryOf(pid)]);
      }
    }
    const mean = (list: readonly ProcessMemory[], of: (memory: ProcessMemory) => number) =>
      mib(list.reduce((sum, memory) => sum + of(memory), 0) / list.length);
    for (const [name, list] of ofKind) {
      const value = `${mean(list, (m) => m.residentKib)} resident, ${
        mean(list, (m) => m.proportionalKib)
      } proportional`;
      this.add(`${name} of each pod, ${running.length} pods`, value);
    }
  }

  async memoryWithPods(): Promise<void> {
    await this.memory([]);
    const pods = [await this.#node.runPod({ name: "memory-0" })];
    await this.sleeper(pods[0]!);
    await this.memory(pods);
    for (let i = 1; i < 10; i++) {
      pods.push(await this.#node.runPod({ name: `memory-${i}` }));
      await this.sleeper(pods[i]!);
    }
    await this.memory(pods);
    await Promise.all(pods.map((pod) => pod.remove()));
  }

  async sizes(): Promise<void> {
    const files: [string, string, number?][] = [
      ["kernel", "kernel/vmlinux.bin"],
      ["initrd", "image/kuasar.initrd", 8 * MIB],
      ["disk image", "image/kuasar.img"],
      ["agent", "guest/agent"],
    ];
    for (const [what, path, limit] of files) {
      const { size } = await Deno.stat(`${buildDir}/${path}`);
      const value = `${(size / MIB).toFixed(2)} MiB`;
      if (limit === undefined) this.add(`size of the ${what}`, value);
      else this.add(`size of the ${what}`, value, `<= ${limit / MIB} MiB`, size <= limit);
    }
  }
}
