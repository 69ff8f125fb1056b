import { allHandlers, driverOfHandler } from "../../deploy/drivers.ts";
import type { ContainerdRelease, IoType } from "../../deploy/containerd/mod.ts";
import { type RunningNode, startNode } from "../../deploy/node.ts";
import { type NodePrograms, nodePrograms } from "../../deploy/programs.ts";
import {
  CORE_SERVICES,
  driverService,
  type ProcessSpec,
  type Supervisor,
} from "../../deploy/supervisor/mod.ts";
import { connectCri, type Cri, message, podConfig, type PodOptions, waitForCri } from "../../lib/cri/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { childrenOf, isEnding, onEnding } from "../../lib/process/mod.ts";
import { ListImagesRequest, ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { Ctr } from "./ctr.ts";
import { takeSnapshot, waitForNoLeaks } from "./leaks.ts";
import { MakingCalls } from "./making_calls.ts";
import { PATIENCE_MS } from "./patience.ts";
import { Pod } from "./pod.ts";
import { commandOf } from "./processes.ts";

/** How the lines of our processes name sandboxes and containers. */
const NAMED_IDS = /\b(?:sandbox|container)=([A-Za-z0-9][\w.-]*)/g;

/** So many lines of the node's log are kept for a failure. */
const KEPT_LINES = 2_000;

/** What a node of tests is started with. */
export interface NodeOptions {
  /** One of ours; `runc` is containerd's own way, to compare with and to test the tests. */
  handler?: string;
  /** Drivers of the node; that of the handler unless given. */
  drivers?: readonly string[];
  /** A folder of its own below /run unless given. */
  runDir?: string;
  /** Archives to import. */
  images?: readonly string[];
  /** Pause image of the handlers that need one. */
  pauseImage?: string;
  /** How containerd reaches the stdio of containers; by FIFOs unless given. */
  ioType?: IoType;
  /** What the containerd of `programs` is. */
  containerdRelease?: ContainerdRelease;
  configs?: Readonly<Record<string, string>>;
  memoryMib?: number;
  kernelParams?: string;
  logLevel?: "debug" | "info" | "warn";
  programs?: NodePrograms;
  /** Changes how a process of the set is started. */
  launch?(spec: ProcessSpec): ProcessSpec;
  /** Called when all processes have ended, before the run directory is removed. */
  onStopped?: () => void;
}

/** The child of `kuasar-task`, which does its work. */
export const TASK_SERVER = "task-server";

/** Of {@link PATIENCE_MS}, for the guest. */
const BOOT_TIMEOUT_S = 300;

/** Writes the configuration of a sandboxer that waits so long. @returns its path */
async function patientSandboxer(runDir: string): Promise<string> {
  await Deno.mkdir(runDir, { recursive: true, mode: 0o700 });
  const path = `${runDir}/sandboxer.toml`;
  await Deno.writeTextFile(path, `[timeouts]\nstart_ms = ${PATIENCE_MS}\n`);
  return path;
}

/** How often a pod that cannot be removed is tried: who else removes it may be in between. */
const REMOVALS = 3;

let nodes = 0;

/** A node of its own: private containerd and our services in a folder of their own. */
export class Node {
  readonly cri: Cri;
  readonly runDir: string;
  readonly handler: string;
  /** Our Deno services, each of which may be killed at any time. */
  readonly services: readonly string[];
  readonly #lines: string[];
  readonly #running: RunningNode;
  readonly #onStopped: () => void;
  readonly #making: MakingCalls;
  /** Of all sandboxes and containers it has had. */
  readonly ids: ReadonlySet<string>;
  #stopped: Promise<void> | undefined;
  #forget: () => void = () => {};

  private constructor(
    running: RunningNode,
    runDir: string,
    handler: string,
    drivers: readonly string[],
    lines: string[],
    ids: Set<string>,
    onStopped = () => {},
  ) {
    this.#onStopped = onStopped;
    this.ids = ids;
    this.#making = new MakingCalls(ids);
    this.cri = this.#making.noting(connectCri(running.address, { timeoutMs: PATIENCE_MS }));
    this.runDir = runDir;
    this.handler = handler;
    this.services = [...CORE_SERVICES, ...drivers.map(driverService)];
    this.#lines = lines;
    this.#running = running;
  }

  /** Starts everything and imports the images. A signal to this process stops it: its processes would outlive us. */
  static async start(options: NodeOptions = {}): Promise<Node> {
    if (isEnding()) throw new KuasarError("CANCELLED", "Cannot start a node: this process is ending");
    const starting = Node.#start(options);
    const forget = onEnding(async () => await (await starting).stop());
    try {
      const node = await starting;
      node.#forget = forget;
      return node;
    } catch (error) {
      forget();
      throw error;
    }
  }

  static async #start(options: NodeOptions): Promise<Node> {
    const handler = options.handler ?? allHandlers()[0]!;
    const driver = driverOfHandler(handler);
    const drivers = options.drivers ?? (driver ? [driver.name] : []);
    // Short: the paths of sockets below it have to fit into 107 bytes.
    const runDir = options.runDir ?? `/run/kt${Deno.pid % 100_000}${String.fromCharCode(97 + nodes++ % 26)}`;
    const lines: string[] = [];
    const ids = new Set<string>();
    const begin = Date.now();
    const started = await startNode({
      runDir,
      programs: options.programs ?? nodePrograms(),
      services: driver !== undefined,
      drivers,
      logLevel: options.logLevel ?? "debug",
      ...(options.memoryMib === undefined ? {} : { memoryMib: options.memoryMib }),
      ...(options.kernelParams === undefined ? {} : { kernelParams: options.kernelParams }),
      ...(options.pauseImage === undefined ? {} : { pauseImage: options.pauseImage }),
      ...(options.ioType === undefined ? {} : { ioType: options.ioType }),
      ...(options.containerdRelease === undefined ? {} : { containerdRelease: options.containerdRelease }),
      configs: { sandboxer: await patientSandboxer(runDir), ...options.configs },
      bootTimeoutS: BOOT_TIMEOUT_S,
      ...(options.launch === undefined ? {} : { launch: options.launch }),
      onLine: (name, line) => {
        lines.push(`${((Date.now() - begin) / 1000).toFixed(3)} ${name} | ${line}`);
        if (lines.length > KEPT_LINES) lines.shift();
        // Those that containerd's other clients have made, too.
        for (const [, id] of line.matchAll(NAMED_IDS)) ids.add(id!);
      },
    }).catch((error: KuasarError) => {
      throw new KuasarError(error.code, error.message, { cause: error, evidence: lines });
    });
    const node = new Node(started, runDir, handler, drivers, lines, ids, options.onStopped);
    try {
      for (const image of options.images ?? []) await node.importImage(image);
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  get supervisor(): Supervisor {
    return this.#running.supervisor;
  }

  /** The socket of containerd's API. */
  get containerdAddress(): string {
    return this.#running.address;
  }

  /**
   * Every process of the set by its name. The task server is a child of its keeper, which is what the supervisor has
   * started: it is `task-server`.
   */
  get processes(): ReadonlyMap<string, number> {
    const pids = new Map(this.supervisor.pids);
    const server = childrenOf(pids.get("kuasar-task") ?? 0).find((pid) => commandOf(pid) === "kuasar-task");
    if (server !== undefined) pids.set(TASK_SERVER, server);
    return pids;
  }

  /** The last lines that containerd and our processes wrote. */
  logTail(count = 80): string[] {
    return this.#lines.slice(-count);
  }

  /** containerd's own command line in one of its namespaces; that of CRI unless given. */
  ctr(namespace = "k8s.io"): Ctr {
    return new Ctr(this.#running.programs.ctr, this.#running.address, namespace);
  }

  /** Imports an image archive into containerd. @throws KuasarError with what ctr wrote */
  async importImage(path: string, namespace?: string): Promise<void> {
    const { code, stderr } = await this.ctr(namespace).run(["images", "import", "--local", path]);
    if (code !== 0) throw new KuasarError("INVALID_ARGUMENT", `Cannot import ${path}: ${stderr.trim()}`);
  }

  /** The full reference of the imported image whose name contains `part`. */
  async image(part: string): Promise<string> {
    const { images } = await this.cri.images.listImages(message(ListImagesRequest));
    const tag = images.flatMap((i) => i.repoTags).find((t) => t.includes(part));
    if (tag === undefined) throw new KuasarError("NOT_FOUND", `Cannot find an image named ${part}`);
    return tag;
  }

  /** Runs a pod with a log directory of its own. */
  async runPod(options: PodOptions & { handler?: string }, timeoutMs = PATIENCE_MS): Promise<Pod> {
    const logDirectory = options.logDirectory ?? `${this.runDir}/logs/${options.name}`;
    await Deno.mkdir(logDirectory, { recursive: true });
    const config = podConfig({ ...options, logDirectory });
    const { podSandboxId } = await this.cri.runtime.runPodSandbox(
      { config, runtimeHandler: options.handler ?? this.handler },
      { timeoutMs },
    );
    return new Pod(this.cri, podSandboxId, config);
  }

  /** Kills a process of the set as a crash would; the supervisor starts it again. */
  kill(name: string): void {
    const pid = this.processes.get(name);
    if (pid === undefined) throw new KuasarError("NOT_FOUND", `Cannot kill ${name}: it does not run`);
    Deno.kill(pid, "SIGKILL");
  }

  /** Stops containerd and starts it again, as an upgrade does. */
  async restartContainerd(): Promise<void> {
    await this.supervisor.stopOne("containerd");
    await this.supervisor.startOne("containerd");
    await waitForCri(this.#running.address, 30_000);
  }

  /** Takes stock now; the returned function waits until all is as before and tells what is not. */
  watchLeaks(): () => Promise<string[]> {
    // containerd opens and closes files of its own as it likes.
    const target = () => ({
      runDir: this.runDir,
      ids: this.ids,
      resident: this.processes,
      counted: [...this.services, "kuasar-task", TASK_SERVER],
    });
    const before = takeSnapshot(target());
    return () => waitForNoLeaks(before, target());
  }

  /** Removes every pod, whatever state it is in. One that cannot be removed keeps no other. */
  async removeAllPods(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const { items } = await this.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
      const failures: unknown[] = [];
      for (const { id } of items) {
        try {
          await this.cri.runtime.stopPodSandbox({ podSandboxId: id });
          await this.cri.runtime.removePodSandbox({ podSandboxId: id });
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length === 0) return;
      if (attempt === REMOVALS) throw failures[0];
    }
  }

  /**
   * Stops everything and removes the run directory. Goes on after a failure and reports it at the end. Whoever asks again,
   * as a test does that a signal has ended, waits for the same.
   */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<void> {
    let failure: unknown;
    const attempt = (step: Promise<unknown>) => step.catch((error) => failure ??= error);
    await this.#making.end();
    await attempt(this.removeAllPods());
    this.cri.close();
    await attempt(this.supervisor.stop());
    await attempt(Promise.resolve().then(this.#onStopped));
    await attempt(Deno.remove(this.runDir, { recursive: true }));
    this.#forget();
    if (failure) throw failure;
  }
}
