import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { parseSpec, type Resources } from "../../../lib/oci/mod.ts";
import type { Metrics } from "../../../lib/proto/gen/cgroups/v2.ts";
import * as sys from "../../native/sys.js";
import { sleep } from "../../runtime/deadline.ts";
import { log } from "../../runtime/log.ts";
import { exitOf } from "../../runtime/reaper.ts";
import { TaskProcess } from "../../task/process.ts";
import { next } from "../../task/state.ts";
import type { IoRequest, ProcessIo, StdioProvider } from "../../task/stdio.ts";
import { exitOfWaitOutput, exitOfWaitStatus, UnknownCall } from "./answer.ts";
import type { Runsc } from "./command.ts";
import { runscIdOf } from "./container_id.ts";
import type { Control } from "./control.ts";
import { type Followed, followedLimits, mergeLimits } from "./limits.ts";
import type { HostUsage } from "./host_usage.ts";
import { metricsOf, type SandboxUsage, usageIn } from "./metrics.ts";

const MAX_CONFIG_BYTES = 4 << 20;

/** containerd takes the time of a start when it hears of it: an end before that would be odd. */
const START_ANSWER_MS = 10;

/** By this annotation gVisor knows a container of a checkpoint again. */
const NAME_ANNOTATION = "io.kubernetes.cri.container-name";
/** Beside gVisor's files of a checkpoint: the names of the containers in it. The driver reads it before it restores a pod. */
const CONTAINERS_FILE = "kuasar-containers.json";

/** 128 + SIGKILL: what ends with its sandbox has been killed. */
const KILLED = 137;

/** Between two tries to hear of the end of a container. */
const RETRY_MS = 100;

/** Whom a signal reaches, as a sandbox counts it. */
const TO_PROCESS = 0;
const TO_ALL = 1;

/** What a container in a sandbox works with. */
export interface RunscDeps {
  runsc: Runsc;
  control: Control;
  stdio: StdioProvider;
  /** What the host has counted for the sandbox. */
  hostUsage(): HostUsage;
  /** All containers of the sandbox. */
  containers(): Iterable<RunscContainer>;
  /** Resolves when the sandbox has ended. */
  sandboxDied: Promise<void>;
  /** Checkpoint from which the container goes on instead of starting, or empty. */
  restoreImage: string;
}

/** An exec'ed process of an earlier run of this program. */
export interface AdoptedExec {
  helper: number;
  terminal: boolean;
  exit?: { status: number; atNs: bigint };
  waitForExit(): Promise<{ code: number; atNs?: bigint }>;
}

/** An exec'ed process. */
class Exec {
  readonly process: TaskProcess;
  /** Until the start, which hands them on. */
  streams: ProcessIo | undefined;
  readonly spec: string;
  /** In the sandbox; 0 before the start. */
  internalPid = 0;

  constructor(process: TaskProcess, streams: ProcessIo | undefined, spec: string) {
    this.process = process;
    this.streams = streams;
    this.spec = spec;
  }
}

/**
 * One container in gVisor's sandbox. Its processes are the sandbox's alone: the host sees the sandbox, and for each exec a
 * helper of runsc's that ends as the process does.
 */
export class RunscContainer {
  readonly id: string;
  readonly bundle: string;
  readonly init: TaskProcess;
  /** As its pod calls it, which is how gVisor finds it in a checkpoint. */
  readonly name: string | undefined;
  readonly #runscId: string;
  readonly #deps: RunscDeps;
  /** Its limits, which hold together with those of the sandbox's other containers. */
  resources: Resources;
  readonly followed: Followed;
  readonly #execs = new Map<string, Exec>();
  #streams: ProcessIo | undefined;
  /** The stdio of a container that is to be created once more before its start. */
  #again: IoRequest | undefined;

  private constructor(id: string, bundle: string, terminal: boolean, deps: RunscDeps) {
    this.id = id;
    this.#runscId = runscIdOf(id);
    this.bundle = bundle;
    this.init = new TaskProcess(`container ${id}`, terminal);
    this.#deps = deps;
    const spec = parseSpec(sys.readTextFile(`${bundle}/config.json`, MAX_CONFIG_BYTES));
    this.name = spec.annotations?.[NAME_ANNOTATION];
    this.followed = followedLimits(spec);
    this.resources = readResources(bundle) ?? spec.linux?.resources ?? {};
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

  /** Takes over a container that an earlier run of this program has started. */
  static adopt(
    request: {
      id: string;
      bundle: string;
      sandboxPid: number;
      terminal: boolean;
      exit?: { status: number; atNs: bigint };
    },
    execs: ReadonlyMap<string, AdoptedExec>,
    deps: RunscDeps,
  ): RunscContainer {
    const { id, bundle, sandboxPid, terminal, exit } = request;
    const container = new RunscContainer(id, bundle, terminal, deps);
    container.init.adopt(sandboxPid, exit ? "stopped" : "running", exit);
    for (const [execId, exec] of execs) container.#adoptExec(execId, exec);
    if (!exit) void container.#awaitInit();
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

  /** Its limits from now on. */
  update(change: Resources): void {
    this.resources = mergeLimits(this.resources, change);
    const { memory, cpu } = this.resources;
    // Kept for a later run of this program.
    sys.writeFile(resourcesFile(this.bundle), stringifyResources({ memory, cpu } as Resources), 0o600);
  }

  /** The init for an empty id, else the exec. @throws KuasarError NOT_FOUND */
  process(execId: string): TaskProcess {
    return execId === "" ? this.init : this.#exec(execId).process;
  }

  /** Makes an exec and its streams known. @param spec OCI process as JSON */
  addExec(execId: string, spec: string, io: IoRequest): void {
    this.#mustRun(`exec in ${this.init.what}`);
    if (this.#execs.has(execId)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot exec ${execId}: there is one with this id`);
    }
    const streams = this.#deps.stdio.make(this.id, execId, io);
    const process = new TaskProcess(`exec ${execId} of container ${this.id}`, io.terminal);
    this.#execs.set(execId, new Exec(process, streams, spec));
  }

  async startExec(execId: string): Promise<void> {
    const exec = this.#exec(execId);
    const { process, streams, spec } = exec;
    exec.streams = undefined;
    this.#mustRun(`start ${process.what}`);
    process.move("start");
    if (!streams) throw new KuasarError("INTERNAL", `Cannot start ${process.what}: its streams are gone`);
    const file = `${this.bundle}/exec-${execId}.json`;
    try {
      sys.writeFile(file, spec, 0o600);
      const pids = await this.#deps.runsc.exec(this.#runscId, file, this.#pidFile(execId), streams.options);
      exec.internalPid = pids.internal;
      process.began(pids.helper);
      await streams.started();
    } catch (error) {
      streams.discard();
      process.ended(255);
      throw error;
    } finally {
      if (sys.exists(file)) sys.unlink(file);
    }
    void this.#awaitExec(process, exitOf(process.pid));
  }

  /**
   * Sends a signal.
   *
   * @param all to every process of the container
   * @throws KuasarError NOT_FOUND when the process has ended: containerd takes that as done
   */
  async kill(execId: string, signal: number, all: boolean): Promise<void> {
    const process = this.process(execId);
    if (process.exit) {
      throw new KuasarError("NOT_FOUND", `Cannot kill ${process.what}: process already finished`);
    }
    // Nothing runs yet that could be told.
    if (process.state === "created") return this.#endUnstarted(process, execId, signal);
    // A paused sandbox delivers nothing, and whoever kills does not want to wait for it to be resumed.
    if (signal === sys.SIG.KILL && this.init.state === "paused") await this.freeze(false);
    const pid = execId === "" ? 0 : this.#exec(execId).internalPid;
    const everyone = all && execId === "";
    try {
      const arg = { CID: this.#runscId, Signo: signal, PID: pid, Mode: everyone ? TO_ALL : TO_PROCESS };
      await this.#ask("Signal", arg, () => this.#deps.runsc.kill(this.#runscId, signal, pid, everyone));
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
  async checkpoint(path: string, leaveRunning: boolean): Promise<void> {
    // containerd pauses a container first.
    if (this.init.state !== "paused") this.#mustRun(`checkpoint ${this.init.what}`);
    await this.#deps.runsc.checkpoint(this.#runscId, path, leaveRunning);
    const names = [...this.#deps.containers()].filter(({ init }) => !init.exit).flatMap(({ name }) =>
      name ?? []
    );
    sys.writeFile(`${path}/${CONTAINERS_FILE}`, JSON.stringify(names), 0o600);
  }

  /** Pids in the sandbox. */
  async pids(): Promise<number[]> {
    const answer = await this.#ask(
      "Processes",
      this.#runscId,
      () => this.#deps.runsc.query(["ps", "--format", "json", this.#runscId]),
    );
    if (!Array.isArray(answer)) return [];
    const pids = answer.map((
      entry: unknown,
    ) => (typeof entry === "number" ? entry : (entry as { pid?: unknown })?.pid));
    return pids.filter((pid): pid is number => typeof pid === "number" && Number.isInteger(pid) && pid > 0);
  }

  async metrics(): Promise<Metrics> {
    const { containers, hostUsage } = this.#deps;
    const running = [...containers()].filter(({ init }) =>
      init.state === "running" || init.state === "paused"
    );
    const [own, ...all] = await Promise.all([this, ...running].map((container) => container.#usage()));
    return metricsOf(this.#runscId, own!, {
      host: hostUsage(),
      memoryBytes: all.map(({ memoryBytes }) => memoryBytes),
      memoryLimit: BigInt(this.resources.memory?.limit ?? 0),
    });
  }

  async #usage(): Promise<SandboxUsage> {
    return usageIn(
      await this.#ask("Event", this.#runscId, async () => ({
        event: await this.#deps.runsc.query(["events", "--stats", this.#runscId]),
      })),
    );
  }

  /** Forgets an exec that has ended or was never started. */
  deleteExec(execId: string): TaskProcess {
    const { process, streams } = this.#exec(execId);
    if (process.state === "created") process.ended(0);
    process.move("delete");
    streams?.discard();
    this.#execs.delete(execId);
    this.#deps.stdio.remove(this.id, execId);
    const file = this.#pidFile(execId);
    if (sys.exists(file)) sys.unlink(file);
    return process;
  }

  /** Removes a container whose init has ended, or never started. */
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

  #exec(execId: string): Exec {
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
    else this.#exec(execId).streams?.discard();
    process.ended(128 + signal);
  }

  /** Where an exec's pid in the sandbox is kept for a later run of this program. */
  #pidFile(execId: string): string {
    return `${this.bundle}/exec-${execId}.pid`;
  }

  #adoptExec(execId: string, { helper, terminal, exit, waitForExit }: AdoptedExec): void {
    const process = new TaskProcess(`exec ${execId} of container ${this.id}`, terminal);
    process.adopt(helper, exit ? "stopped" : "running", exit);
    const exec = new Exec(process, undefined, "");
    const file = this.#pidFile(execId);
    if (sys.exists(file)) exec.internalPid = Number(sys.readTextFile(file, 32));
    this.#execs.set(execId, exec);
    if (!exit) void this.#awaitExec(process, waitForExit());
  }

  /** Calls the sandbox, or runsc where it does not know the call. */
  async #ask(
    method: string,
    arg: unknown,
    otherwise: () => Promise<unknown>,
    timeoutMs?: number,
  ): Promise<unknown> {
    try {
      return await this.#deps.control.call(method, arg, timeoutMs);
    } catch (error) {
      if (!(error instanceof UnknownCall)) throw error;
      return await otherwise();
    }
  }

  /** The sandbox keeps the exit code of a container's init until the container is deleted. */
  async #awaitInit(): Promise<void> {
    const died = this.#deps.sandboxDied.then(() => KILLED);
    for (;;) {
      try {
        const waited = this.#ask("Wait", this.#runscId, () => this.#deps.runsc.wait(this.#runscId), 0);
        const exit = await Promise.race([waited.then(statusOf), died]);
        return this.init.ended(exit);
      } catch (error) {
        log.debug("cannot wait for a container", { container: this.id, error });
        // Most likely the sandbox is about to be gone; if not, it is asked again.
        const gone = await Promise.race([died, sleep(RETRY_MS)]);
        if (gone !== undefined) return this.init.ended(gone);
      }
    }
  }

  async #awaitExec(process: TaskProcess, exit: Promise<{ code: number; atNs?: bigint }>): Promise<void> {
    const { code, atNs } = await exit;
    process.ended(code, atNs);
  }
}

/** The sandbox answers with a wait status, runsc prints JSON. */
function statusOf(answer: unknown): number {
  return typeof answer === "string" ? exitOfWaitOutput(answer) : exitOfWaitStatus(answer);
}

/** Limits that an update has changed. */
function resourcesFile(bundle: string): string {
  return `${bundle}/resources.json`;
}

function readResources(bundle: string): Resources | undefined {
  const file = resourcesFile(bundle);
  return sys.exists(file) ? JSON.parse(sys.readTextFile(file)) as Resources : undefined;
}

/** Limits may be larger than what a number holds exactly. */
function stringifyResources(resources: Resources): string {
  return JSON.stringify(resources, (_, value) => (typeof value === "bigint" ? Number(value) : value));
}
