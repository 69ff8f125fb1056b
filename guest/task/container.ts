import { KuasarError } from "../../lib/errors/mod.ts";
import { parseSpec } from "../../lib/oci/mod.ts";
import type { GuestMount } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { exitOf } from "../runtime/reaper.ts";
import type { StreamHub } from "../stream/mod.ts";
import { Cgroup } from "./cgroup.ts";
import type { Crun } from "./crun.ts";
import { mountAll, unmountAll } from "./guest_mounts.ts";
import { type IoRequest, makeIo } from "./io.ts";
import { TaskProcess } from "./process.ts";

const MAX_CONFIG_BYTES = 4 << 20;

/** What a container works with. */
export interface ContainerDeps {
  crun: Crun;
  hub: StreamHub;
  /** Told when the kernel has killed a process of the container for want of memory. */
  onOom: (container: string) => void;
}

/** One container: its init process, the ones exec'ed into it, its cgroup and its mounts. */
export class Container {
  readonly id: string;
  readonly bundle: string;
  readonly init: TaskProcess;
  readonly cgroup: Cgroup;
  readonly execs = new Map<string, TaskProcess>();
  readonly #deps: ContainerDeps;
  #mounts: string[] = [];

  private constructor(
    id: string,
    bundle: string,
    cgroupsPath: string,
    terminal: boolean,
    deps: ContainerDeps,
  ) {
    this.id = id;
    this.bundle = bundle;
    this.cgroup = new Cgroup(cgroupsPath);
    this.init = new TaskProcess(`container ${id}`, terminal);
    this.#deps = deps;
  }

  /**
   * Makes the mounts, the streams and the container; its init waits to be started. Undone when it fails.
   *
   * @param bundle directory with the spec, as this machine sees it
   */
  static async create(
    request: { id: string; bundle: string; mounts: readonly GuestMount[]; io: IoRequest },
    deps: ContainerDeps,
  ): Promise<Container> {
    const { id, bundle, io } = request;
    const spec = parseSpec(sys.readTextFile(`${bundle}/config.json`, MAX_CONFIG_BYTES));
    const container = new Container(
      id,
      bundle,
      spec.linux?.cgroupsPath ?? `/kuasar/${id}`,
      io.terminal,
      deps,
    );
    container.#mounts = await mountAll(request.mounts);
    try {
      container.init.pid = await container.#spawn("", io, (options) => deps.crun.create(id, bundle, options));
    } catch (error) {
      await container.#cleanUp();
      throw error;
    }
    container.cgroup.watchOom(() => deps.onOom(id));
    void container.#awaitInit();
    return container;
  }

  async start(): Promise<void> {
    this.init.move("start");
    try {
      await this.#deps.crun.start(this.id);
    } catch (error) {
      this.init.kill(sys.SIG.KILL);
      throw error;
    }
  }

  /** Makes an exec known; its process begins with {@link startExec}. */
  addExec(execId: string, terminal: boolean): TaskProcess {
    if (this.init.state !== "running" && this.init.state !== "paused") {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot exec in ${this.init.what}: it is ${this.init.state}`,
      );
    }
    if (this.execs.has(execId)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot exec ${execId}: there is one with this id`);
    }
    const process = new TaskProcess(`exec ${execId} of container ${this.id}`, terminal);
    this.execs.set(execId, process);
    return process;
  }

  /** Starts an exec'ed process. @param spec OCI process as JSON */
  async startExec(execId: string, spec: string, prepared: PreparedExec): Promise<void> {
    const process = this.process(execId);
    process.move("start");
    const file = `/run/kuasar/exec-${this.id}-${execId}.json`;
    sys.writeFile(file, spec, 0o600);
    try {
      process.pid = await prepared.run((options) => this.#deps.crun.exec(this.id, file, options));
    } catch (error) {
      process.ended(255);
      throw error;
    } finally {
      sys.unlink(file);
    }
    void this.#awaitExec(process);
  }

  /** Makes the streams of an exec before it starts, so that the host can open them. */
  prepareExec(execId: string, io: IoRequest): PreparedExec {
    const made = makeIo(this.#deps.hub, this.id, execId, io);
    return {
      run: async (start) => {
        try {
          const pid = await start(made.options);
          await made.connect();
          return pid;
        } catch (error) {
          made.discard();
          throw error;
        }
      },
      discard: () => made.discard(),
    };
  }

  /** The init for an empty id, else the exec. @throws KuasarError NOT_FOUND */
  process(execId: string): TaskProcess {
    if (execId === "") return this.init;
    const process = this.execs.get(execId);
    if (!process) throw new KuasarError("NOT_FOUND", `Cannot find exec ${execId} in container ${this.id}`);
    return process;
  }

  /** Forgets an exec that has ended. */
  deleteExec(execId: string): TaskProcess {
    const process = this.process(execId);
    if (process.state === "created") process.ended(0);
    process.move("delete");
    this.execs.delete(execId);
    this.#deps.hub.remove(this.id, execId);
    return process;
  }

  /** Removes a container whose init has ended, or never started. */
  async delete(): Promise<void> {
    if (this.init.state === "created") {
      this.cgroup.killAll();
      await this.init.wait();
    }
    this.init.move("delete");
    await this.#cleanUp();
  }

  /** Signals the init, or with `all` every process of the container. */
  killAll(signal: number): void {
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

  async #spawn(execId: string, io: IoRequest, start: Parameters<PreparedExec["run"]>[0]): Promise<number> {
    return await this.prepareExec(execId, io).run(start);
  }

  async #awaitInit(): Promise<void> {
    const { code } = await exitOf(this.init.pid);
    // Whoever hears of the exit must have heard of its cause.
    this.cgroup.checkOom(() => this.#deps.onOom(this.id));
    // With a PID namespace of its own the others are dead already; in a shared one they would live on.
    this.cgroup.killAll();
    this.init.ended(code);
  }

  async #awaitExec(process: TaskProcess): Promise<void> {
    const { code } = await exitOf(process.pid);
    this.cgroup.checkOom(() => this.#deps.onOom(this.id));
    process.ended(code);
  }

  async #cleanUp(): Promise<void> {
    this.cgroup.close();
    try {
      await this.#deps.crun.delete(this.id);
    } catch (error) {
      log.warn("cannot delete a container", { container: this.id, error });
    }
    for (const execId of ["", ...this.execs.keys()]) this.#deps.hub.remove(this.id, execId);
    unmountAll(this.#mounts);
    unmountAll(sharedMounts(this.bundle));
  }
}

/** Streams that are made and wait for their process. */
export interface PreparedExec {
  run(start: (options: Parameters<Crun["create"]>[2]) => Promise<number>): Promise<number>;
  discard(): void;
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
