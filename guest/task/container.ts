import { KuasarError } from "../../lib/errors/mod.ts";
import { parseSpec, type Resources } from "../../lib/oci/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { GuestMount } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { exitOf } from "../runtime/reaper.ts";
import type { CheckpointOptions } from "../../lib/proto/gen/containerd/runc/v1/options.ts";
import { type Cgroup, openCgroup } from "./cgroup.ts";
import type { Criu } from "./criu/criu.ts";
import type { CreateOptions, OciRuntime } from "./oci_runtime.ts";
import { mountAll, unmountAll } from "./guest_mounts.ts";
import { untilShareIsQuiet } from "./quiet_share.ts";
import { NOT_PLAIN, type PlainCalls, plainCallsOf } from "./plain_calls.ts";
import { type Exit, TaskProcess } from "./process.ts";
import { startTimeOf } from "./start_time.ts";
import { next } from "./state.ts";
import type { IoRequest, ProcessIo, StdioProvider } from "./stdio.ts";
import type { TaskContainer } from "./task_container.ts";
import { limitTime } from "./time_limit.ts";

const MAX_CONFIG_BYTES = 4 << 20;

/** What a container works with. */
export interface ContainerDeps {
  runtime: OciRuntime;
  stdio: StdioProvider;
  /** Undefined where containers are neither checkpointed nor restored. */
  criu: Criu | undefined;
  /** For the specs of processes on their way to the runtime; it must exist. */
  directory: string;
  /** How its init takes signals and how long it may run; see HostRuntime. */
  init: { defaultSignals: boolean; timeLimitMs: number };
  /** Told when the kernel has killed a process of the container for want of memory. */
  onOom: (container: string) => void;
}

/** A container that is to be made. */
export interface NewContainer {
  id: string;
  /** Directory with the spec, as this machine sees it. */
  bundle: string;
  mounts: readonly GuestMount[];
  io: IoRequest;
  /** Path of the cgroup where it is not that of the spec. */
  cgroup?: string;
  /** Directory of the checkpoint from which it is made, by its start. */
  checkpoint?: string;
}

/** A process of a container that an earlier run of this program has made. */
export interface AdoptedProcess {
  pid: number;
  terminal: boolean;
  /** False while it waits to be started. */
  started: boolean;
  /** How it has ended, where that is known. */
  exit?: Exit;
  /** Waits for its end: it need not be a child of ours. Not called where `exit` is known. */
  waitForExit(): Promise<{ code: number; atNs?: bigint }>;
}

/** A container that an earlier run of this program has made. */
export interface AdoptedContainer {
  id: string;
  bundle: string;
  cgroup: string;
  io: IoRequest;
  init: AdoptedProcess;
  execs: ReadonlyMap<string, AdoptedProcess>;
}

/** One container: its init process, the ones exec'ed into it, its cgroup and its mounts. */
export class Container implements TaskContainer {
  readonly id: string;
  readonly bundle: string;
  readonly init: TaskProcess;
  readonly cgroup: Cgroup;
  readonly execs = new Map<string, TaskProcess>();
  readonly #deps: ContainerDeps;
  readonly #io: IoRequest;
  /** Execs that were not started yet. */
  readonly #waiting = new Map<string, { spec: string; streams: ProcessIo }>();
  #mounts: string[] = [];
  /** What the init's start restores, and its streams. */
  #restoring: { path: string; streams: ProcessIo } | undefined;
  #plain: PlainCalls = NOT_PLAIN;
  #stopTimer: () => void = () => {};

  private constructor(
    id: string,
    bundle: string,
    cgroup: string,
    io: IoRequest,
    deps: ContainerDeps,
  ) {
    this.id = id;
    this.bundle = bundle;
    this.cgroup = openCgroup(cgroup);
    this.init = new TaskProcess(`container ${id}`, io.terminal, deps.init.defaultSignals);
    this.#deps = deps;
    this.#io = io;
  }

  /**
   * Makes the mounts, the streams and the container; its init waits to be started. Undone when it fails.
   *
   * @param request of which the cgroup is the spec's unless it names another
   */
  static async create(
    request: NewContainer,
    deps: ContainerDeps,
  ): Promise<Container> {
    const { id, bundle, io } = request;
    // The bundle itself may be on one of them.
    const mounts = await mountAll(request.mounts);
    let container: Container;
    try {
      const spec = parseSpec(sys.readTextFile(`${bundle}/config.json`, MAX_CONFIG_BYTES));
      const cgroup = request.cgroup || (spec.linux?.cgroupsPath ?? `/kuasar/${id}`);
      container = new Container(id, bundle, cgroup, io, deps);
      container.#plain = plainCallsOf(spec, cgroup);
      holdRootfs(bundle);
    } catch (error) {
      unmountAll(mounts);
      throw error;
    }
    container.#mounts = mounts;
    try {
      const streams = deps.stdio.make(id, "", io);
      if (request.checkpoint) {
        container.#restoring = { path: request.checkpoint, streams };
        return container;
      }
      const start = (options: CreateOptions) => deps.runtime.create(id, bundle, options);
      await spawn(container.init, streams, start);
    } catch (error) {
      await container.#cleanUp();
      throw error;
    }
    container.#watchInit(exitOf(container.init.pid));
    return container;
  }

  /** Takes over a container that an earlier run of this program has made. */
  static adopt(adopted: AdoptedContainer, deps: ContainerDeps): Container {
    const { id, bundle, cgroup, io, init, execs } = adopted;
    const container = new Container(id, bundle, cgroup, io, deps);
    const paused = init.started && !init.exit && container.cgroup.isFrozen();
    container.init.adopt(
      init.pid,
      init.exit ? "stopped" : paused ? "paused" : init.started ? "running" : "created",
      init.exit,
    );
    for (const [execId, exec] of execs) {
      const process = new TaskProcess(`exec ${execId} of container ${id}`, exec.terminal);
      process.adopt(exec.pid, exec.exit ? "stopped" : "running", exec.exit);
      container.execs.set(execId, process);
      if (!exec.exit) void container.#awaitEnd(process, exec.waitForExit());
    }
    if (init.exit) return container;
    container.#watchInit(init.waitForExit());
    if (init.started) container.#limitTime(startTimeOf(init.pid));
    return container;
  }

  async start(): Promise<void> {
    this.init.move("start");
    if (this.#restoring) await this.#restore();
    else {
      try {
        await this.#deps.runtime.start(this.id, this.#plain.start ? this.init.wait() : undefined);
      } catch (error) {
        this.init.kill(sys.SIG.KILL);
        throw error;
      }
    }
    this.#limitTime("");
  }

  /** The init goes on from where the checkpoint was made. */
  async #restore(): Promise<void> {
    const { path, streams } = this.#restoring!;
    const { runtime, criu } = this.#deps;
    this.#restoring = undefined;
    const { id, bundle } = this;
    try {
      await spawn(this.init, streams, (options) => criu!.restore(runtime, { id, bundle, path }, options));
    } catch (error) {
      this.init.ended(255);
      throw error;
    }
    this.#watchInit(exitOf(this.init.pid));
  }

  async checkpoint(path: string, options: CheckpointOptions): Promise<void> {
    const { id, bundle, init } = this;
    const { runtime, criu } = this.#deps;
    if (!criu) {
      throw new KuasarError(
        "UNIMPLEMENTED",
        `Cannot checkpoint ${init.what}: its runtime does not support it`,
      );
    }
    if (init.state !== "running" && init.state !== "paused") {
      throw new KuasarError("FAILED_PRECONDITION", `Cannot checkpoint ${init.what}: it is ${init.state}`);
    }
    await criu.dump(runtime, { id, bundle, io: this.#io, pids: this.cgroup.pids(), path, options });
  }

  #watchInit(exit: Promise<{ code: number; atNs?: bigint }>): void {
    this.cgroup.watchOom(() => this.#deps.onOom(this.id));
    void this.#awaitEnd(this.init, exit);
  }

  #limitTime(startTime: string): void {
    if (this.init.exit) return;
    this.#stopTimer = limitTime(this.#deps.init.timeLimitMs, startTime, () => {
      log.info("a container has run for as long as it may", { container: this.id });
      this.cgroup.killAll();
    });
  }

  addExec(execId: string, spec: string, io: IoRequest): void {
    if (this.init.state !== "running" && this.init.state !== "paused") {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot exec in ${this.init.what}: it is ${this.init.state}`,
      );
    }
    if (this.execs.has(execId)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot exec ${execId}: there is one with this id`);
    }
    const streams = this.#deps.stdio.make(this.id, execId, io);
    this.execs.set(execId, new TaskProcess(`exec ${execId} of container ${this.id}`, io.terminal));
    this.#waiting.set(execId, { spec, streams });
  }

  async startExec(execId: string): Promise<void> {
    const process = this.process(execId);
    // In a frozen cgroup it would never get so far as to be started.
    if (this.init.state !== "running") {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot start ${process.what}: the container is ${this.init.state}`,
      );
    }
    process.move("start");
    const { spec, streams } = this.#waiting.get(execId)!;
    this.#waiting.delete(execId);
    const file = `${this.#deps.directory}/exec-${this.id}-${execId}.spec`;
    try {
      sys.writeFile(file, spec, 0o600);
      await spawn(process, streams, (options) => this.#deps.runtime.exec(this.id, file, options));
    } catch (error) {
      process.ended(255);
      throw error;
    } finally {
      if (sys.exists(file)) sys.unlink(file);
    }
    void this.#awaitEnd(process, exitOf(process.pid));
  }

  process(execId: string): TaskProcess {
    if (execId === "") return this.init;
    const process = this.execs.get(execId);
    if (!process) throw new KuasarError("NOT_FOUND", `Cannot find exec ${execId} in container ${this.id}`);
    return process;
  }

  deleteExec(execId: string): TaskProcess {
    const process = this.process(execId);
    if (process.state === "created") process.ended(0);
    process.move("delete");
    this.execs.delete(execId);
    this.#discard(execId);
    return process;
  }

  async delete(): Promise<void> {
    if (this.init.state === "created") {
      if (this.init.pid === 0) this.init.ended(0);
      else this.cgroup.killAll();
      await this.init.wait();
    }
    this.init.move("delete");
    await this.#cleanUp();
  }

  kill(execId: string, signal: number, all: boolean): void {
    if (all && execId === "") this.#killAll(signal);
    else this.process(execId).kill(signal);
  }

  #killAll(signal: number): void {
    if (this.init.exit) {
      throw new KuasarError("NOT_FOUND", `Cannot kill ${this.init.what}: process already finished`);
    }
    if (signal === sys.SIG.KILL) return this.cgroup.killAll();
    for (const pid of this.cgroup.pids()) {
      try {
        sys.kill(pid, signal);
      } catch {
        // It has ended between the list and the signal.
      }
    }
  }

  pids(): number[] {
    return this.cgroup.pids();
  }

  update(resources: Resources): void {
    this.cgroup.update(resources);
  }

  metrics(): Any {
    return this.cgroup.metrics();
  }

  async freeze(frozen: boolean): Promise<void> {
    const action = frozen ? "pause" : "resume";
    next(this.init.state, action, this.init.what);
    await this.cgroup.freeze(frozen);
    // It may have ended meanwhile.
    if (!this.init.exit) this.init.move(action);
  }

  async #awaitEnd(process: TaskProcess, exit: Promise<{ code: number; atNs?: bigint }>): Promise<void> {
    const { code, atNs } = await exit;
    // Whoever hears of the exit must have heard of its cause.
    this.cgroup.checkOom(() => this.#deps.onOom(this.id));
    // With a PID namespace of its own the others are dead already; in a shared one they would live on.
    if (process === this.init) {
      this.#stopTimer();
      this.cgroup.killAll();
    }
    process.ended(code, atNs);
  }

  /** Closes the streams of a process. */
  #discard(execId: string): void {
    if (execId === "") this.#restoring?.streams.discard();
    this.#waiting.get(execId)?.streams.discard();
    this.#waiting.delete(execId);
    this.#deps.stdio.remove(this.id, execId);
  }

  async #cleanUp(): Promise<void> {
    this.cgroup.close();
    try {
      const cgroup = this.#plain.delete ? this.cgroup : undefined;
      await this.#deps.runtime.delete(this.id, this.init.exit !== undefined, cgroup);
    } catch (error) {
      log.warn("cannot delete a container", { container: this.id, error });
    }
    for (const execId of ["", ...this.execs.keys()]) this.#discard(execId);
    await untilShareIsQuiet();
    unmountAll(this.#mounts);
    unmountAll(sharedMounts(this.bundle));
  }
}

/** Has the runtime make a process with its streams. They are closed when it fails. */
async function spawn(
  process: TaskProcess,
  streams: ProcessIo,
  start: (options: CreateOptions) => Promise<number>,
): Promise<void> {
  try {
    process.began(await start(streams.options));
    await streams.started();
  } catch (error) {
    streams.discard();
    throw error;
  }
}

/** Mounts of the share that the guest sees below a bundle: let go, so that the host can take them away. */
function sharedMounts(bundle: string): string[] {
  const volumes = `${bundle}/volumes`;
  try {
    return [`${bundle}/rootfs`, ...sys.readdir(volumes).map(({ name }) => `${volumes}/${name}`)];
  } catch {
    return [`${bundle}/rootfs`];
  }
}

/**
 * Has the rootfs mounted here, if it is a mount of a share's, and not in the container alone, where it would go with the last
 * process and before {@link untilShareIsQuiet}.
 */
function holdRootfs(bundle: string): void {
  const path = `${bundle}/rootfs`;
  if (sys.exists(path)) sys.close(sys.open(path, sys.O.RDONLY));
}
