import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import {
  CONTAINERS_FILE,
  endMarked,
  type Followed,
  followedIn,
  LIMITS_ANNOTATION,
} from "../../../lib/gvisor/mod.ts";
import { CRI_ANNOTATION, parseSpec, type Resources } from "../../../lib/oci/mod.ts";
import { Metrics } from "../../../lib/proto/gen/cgroups/v2.ts";
import type { CheckpointOptions } from "../../../lib/proto/gen/containerd/runc/v1/options.ts";
import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import * as sys from "../../native/sys.js";
import { sleep } from "../../runtime/deadline.ts";
import { log } from "../../runtime/log.ts";
import type { AdoptedProcess } from "../../task/container.ts";
import { TaskProcess } from "../../task/process.ts";
import { next } from "../../task/state.ts";
import type { IoRequest, ProcessIo, StdioProvider } from "../../task/stdio.ts";
import type { TaskContainer } from "../../task/task_container.ts";
import { ContainerCalls } from "./calls.ts";
import type { Runsc } from "./command.ts";
import type { Control } from "./control.ts";
import { RunscExec } from "./exec.ts";
import type { HostUsage } from "./host_usage.ts";
import { mergeLimits } from "./limits.ts";
import { metricsOf } from "./metrics.ts";
import { readLimits, writeLimits } from "./saved_limits.ts";

const MAX_CONFIG_BYTES = 4 << 20;
const METRICS = "io.containerd.cgroups.v2.Metrics";

/** containerd takes the time of a start when it hears of it: an end before that would be odd. */
const START_ANSWER_MS = 10;

/** 128 + SIGKILL: what ends with its sandbox has been killed. */
const KILLED = 137;

/** Between two tries to hear of the end of a container. */
const RETRY_MS = 100;

/** How long the processes that a container leaves are waited for to be killed. */
const REST_MS = 5_000;

/** What a container in a sandbox works with. */
export interface RunscDeps {
  runsc: Runsc;
  control: Control;
  stdio: StdioProvider;
  /** What the host has counted for the sandbox. */
  hostUsage(): HostUsage;
  /** All containers of the sandbox. */
  containers(): Iterable<RunscContainer>;
  /** Gives the sandbox the limits that follow from its containers'. */
  applyLimits(): void;
  /** Resolves when the sandbox has ended. */
  sandboxDied: Promise<void>;
  /** Checkpoint from which the container goes on instead of starting, or empty. */
  restoreImage: string;
}

/**
 * One container in gVisor's sandbox. Its processes are the sandbox's alone: the host sees the sandbox, and for each exec a
 * helper of runsc's that ends as the process does.
 */
export class RunscContainer implements TaskContainer {
  readonly id: string;
  readonly bundle: string;
  readonly init: TaskProcess;
  /** As its pod calls it, which is how gVisor finds it in a checkpoint. */
  readonly name: string | undefined;
  readonly #runscId: string;
  readonly #deps: RunscDeps;
  readonly #calls: ContainerCalls;
  /** Its limits, which hold together with those of the sandbox's other containers. */
  resources: Resources;
  readonly followed: Followed;
  readonly #execs = new Map<string, RunscExec>();
  #streams: ProcessIo | undefined;
  /** The stdio of a container that is to be created once more before its start. */
  #again: IoRequest | undefined;

  private constructor(id: string, bundle: string, terminal: boolean, deps: RunscDeps) {
    this.id = id;
    this.#runscId = endMarked(id);
    this.bundle = bundle;
    this.init = new TaskProcess(`container ${id}`, terminal);
    this.#deps = deps;
    this.#calls = new ContainerCalls(this.#runscId, deps.control, deps.runsc);
    const spec = parseSpec(sys.readTextFile(`${bundle}/config.json`, MAX_CONFIG_BYTES));
    // By this gVisor knows a container of a checkpoint again.
    this.name = spec.annotations?.[CRI_ANNOTATION.containerName];
    this.followed = followedIn(spec.annotations?.[LIMITS_ANNOTATION] ?? "");
    this.resources = readLimits(bundle) ?? spec.linux?.resources ?? {};
  }

  /** Adds a container to the sandbox. Undone when it fails. @param sandboxPid which containerd is shown as the init's */
  static async create(
    request: { id: string; bundle: string; io: IoRequest; sandboxPid: number },
    deps: RunscDeps,
  ): Promise<RunscContainer> {
    const { id, bundle, io, sandboxPid } = request;
    const container = new RunscContainer(id, bundle, io.terminal, deps);
    const streams = deps.stdio.make(id, "", io);
    try {
      await deps.runsc.create(container.#runscId, bundle, streams.options.consoleSocket);
    } catch (error) {
      streams.discard();
      await deps.runsc.delete(container.#runscId).catch(() => {});
      throw error;
    }
    container.#streams = streams;
    container.init.began(sandboxPid);
    return container;
  }

  /** Takes over a container that an earlier run of this program has started. @param request.init of which the pid is the sandbox's */
  static adopt(
    request: { id: string; bundle: string; init: AdoptedProcess; execs: ReadonlyMap<string, AdoptedProcess> },
    deps: RunscDeps,
  ): RunscContainer {
    const { id, bundle, init, execs } = request;
    const container = new RunscContainer(id, bundle, init.terminal, deps);
    container.init.adopt(init.pid, init.exit ? "stopped" : "running", init.exit);
    for (const [execId, exec] of execs) {
      container.#execs.set(execId, RunscExec.adopt({ execId, containerId: id, bundle }, exec));
    }
    if (!init.exit) void container.#awaitInit();
    return container;
  }

  /**
   * Takes over a container that was created and not started: what runsc knows of it is dropped, because the socket for its
   * terminal has gone with the earlier run, and it is made anew when it is started.
   */
  static adoptCreated(
    request: { id: string; bundle: string; io: IoRequest; sandboxPid: number },
    deps: RunscDeps,
  ): RunscContainer {
    const { id, bundle, io, sandboxPid } = request;
    const container = new RunscContainer(id, bundle, io.terminal, deps);
    container.init.adopt(sandboxPid, "created");
    container.#again = io;
    return container;
  }

  async start(): Promise<void> {
    if (this.#again) {
      const streams = this.#deps.stdio.make(this.id, "", this.#again);
      this.#again = undefined;
      this.#streams = streams;
      await this.#deps.runsc.delete(this.#runscId);
      await this.#deps.runsc.create(this.#runscId, this.bundle, streams.options.consoleSocket);
    }
    this.init.move("start");
    const streams = this.#streams;
    this.#streams = undefined;
    if (!streams) throw new KuasarError("INTERNAL", `Cannot start ${this.init.what}: its streams are gone`);
    try {
      const { runsc, restoreImage } = this.#deps;
      if (restoreImage === "") await runsc.start(this.#runscId, streams.options.stdio);
      else await runsc.restore(this.#runscId, restoreImage, streams.options.stdio);
      await streams.started();
    } catch (error) {
      streams.discard();
      this.init.ended(255);
      throw error;
    }
    void sleep(START_ANSWER_MS).then(() => this.#awaitInit());
  }

  update(change: Resources): void {
    this.resources = mergeLimits(this.resources, change);
    writeLimits(this.bundle, this.resources);
    this.#deps.applyLimits();
  }

  process(execId: string): TaskProcess {
    return execId === "" ? this.init : this.#exec(execId).process;
  }

  addExec(execId: string, spec: string, io: IoRequest): void {
    this.#mustRun(`exec in ${this.init.what}`);
    if (this.#execs.has(execId)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot exec ${execId}: there is one with this id`);
    }
    const place = { execId, containerId: this.id, bundle: this.bundle };
    const streams = this.#deps.stdio.make(this.id, execId, io);
    this.#execs.set(execId, RunscExec.waiting(place, io.terminal, streams, spec));
  }

  async startExec(execId: string): Promise<void> {
    const exec = this.#exec(execId);
    this.#mustRun(`start ${exec.process.what}`);
    await exec.start(this.#deps.runsc, this.#runscId);
  }

  async kill(execId: string, signal: number, all: boolean): Promise<void> {
    const process = this.process(execId);
    if (process.exit) {
      throw new KuasarError("NOT_FOUND", `Cannot kill ${process.what}: process already finished`);
    }
    // Nothing runs yet that could be told.
    if (process.state === "created") return this.#endUnstarted(process, execId, signal);
    // A paused sandbox delivers nothing, and whoever kills does not want to wait for it to be resumed.
    if (signal === sys.SIG.KILL && this.init.state === "paused") await this.freeze(false);
    try {
      const pid = execId === "" ? 0 : this.#exec(execId).internalPid;
      await this.#calls.signal(signal, pid, all && execId === "");
    } catch (error) {
      const own = asKuasarError(error);
      throw new KuasarError(own.code, `Cannot kill ${process.what}: ${own.message}`, { cause: error });
    }
  }

  /** Pauses or resumes the sandbox: no container can be paused alone. */
  async freeze(frozen: boolean): Promise<void> {
    const action = frozen ? "pause" : "resume";
    next(this.init.state, action, this.init.what);
    await this.#deps.runsc.freeze(this.#runscId, frozen);
    // It may have ended meanwhile.
    if (!this.init.exit) this.init.move(action);
  }

  /** Writes the sandbox's state below `path`. */
  async checkpoint(path: string, { exit }: CheckpointOptions): Promise<void> {
    // containerd pauses a container first.
    if (this.init.state !== "paused") this.#mustRun(`checkpoint ${this.init.what}`);
    await this.#deps.runsc.checkpoint(this.#runscId, path, !exit);
    const names = [...this.#deps.containers()].filter(({ init }) => !init.exit).flatMap(({ name }) =>
      name ?? []
    );
    // The driver reads it before it restores a pod.
    sys.writeFile(`${path}/${CONTAINERS_FILE}`, JSON.stringify(names), 0o600);
  }

  pids(): Promise<number[]> {
    return this.#calls.pids();
  }

  async metrics(): Promise<Any> {
    const { containers, hostUsage } = this.#deps;
    const running = [...containers()].filter(({ init }) =>
      init.state === "running" || init.state === "paused"
    );
    const [own, ...all] = await Promise.all(
      [this, ...running].map((container) => container.#calls.usage()),
    );
    const metrics = metricsOf(this.#runscId, own!, {
      host: hostUsage(),
      memoryBytes: all.map(({ memoryBytes }) => memoryBytes),
      memoryLimit: BigInt(this.resources.memory?.limit ?? 0),
    });
    return { typeUrl: METRICS, value: Metrics.encode(metrics).finish() };
  }

  deleteExec(execId: string): TaskProcess {
    const exec = this.#exec(execId);
    exec.delete();
    this.#execs.delete(execId);
    this.#deps.stdio.remove(this.id, execId);
    return exec.process;
  }

  async delete(): Promise<void> {
    if (this.init.state === "created") this.init.ended(KILLED);
    this.init.move("delete");
    try {
      await this.#deps.runsc.delete(this.#runscId);
    } catch (error) {
      log.warn("cannot delete a container", { container: this.id, error });
    }
    this.#streams?.discard();
    for (const execId of ["", ...this.#execs.keys()]) this.#deps.stdio.remove(this.id, execId);
  }

  #exec(execId: string): RunscExec {
    const exec = this.#execs.get(execId);
    if (!exec) throw new KuasarError("NOT_FOUND", `Cannot find exec ${execId} in container ${this.id}`);
    return exec;
  }

  #mustRun(what: string): void {
    if (this.init.state === "running") return;
    throw new KuasarError("FAILED_PRECONDITION", `Cannot ${what}: the container is ${this.init.state}`);
  }

  #endUnstarted(process: TaskProcess, execId: string, signal: number): void {
    if (execId === "") this.#streams?.discard();
    else this.#exec(execId).discard();
    process.ended(128 + signal);
  }

  /**
   * Kills what the container's first process has left in a PID namespace that is the pod's: it would keep the container's stdio,
   * for whose end containerd waits.
   */
  async #endRest(): Promise<void> {
    try {
      await this.#calls.signal(sys.SIG.KILL, 0, true);
    } catch (error) {
      log.debug("nothing is left of a container", { container: this.id, error });
    }
  }

  async #awaitInit(): Promise<void> {
    const died = this.#deps.sandboxDied.then(() => KILLED);
    for (;;) {
      try {
        const code = await Promise.race([this.#calls.wait(), died]);
        await Promise.race([this.#endRest(), died, sleep(REST_MS)]);
        return this.init.ended(code);
      } catch (error) {
        log.debug("cannot wait for a container", { container: this.id, error });
        // Most likely the sandbox is about to be gone; if not, it is asked again.
        const gone = await Promise.race([died, sleep(RETRY_MS)]);
        if (gone !== undefined) return this.init.ended(gone);
      }
    }
  }
}
