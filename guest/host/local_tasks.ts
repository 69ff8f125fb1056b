import { KuasarError } from "../../lib/errors/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import {
  HostRuntime_Kind,
  type PrepareContainerResponse,
} from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { log } from "../runtime/log.ts";
import type { AdoptedProcess } from "../task/container.ts";
import { OciRuntime } from "../task/oci_runtime.ts";
import { TaskService } from "../task/service.ts";
import { adoptedExit } from "./adopted_exit.ts";
import { directClient } from "./direct_client.ts";
import type { FifoIo } from "./fifo_io.ts";
import type { Keeper } from "./keeper.ts";
import type { ContainerRecord, LocalProcess } from "./record.ts";
import type { GuestTask, SandboxLink } from "./sandbox_link.ts";
import type { StdioPaths } from "./stdio.ts";

/**
 * The containers that run on the host's own kernel, by an OCI runtime: the Task service of the guest's agent, with containerd's
 * FIFOs as their stdio.
 */
export class LocalTasks {
  readonly #io: FifoIo;
  readonly #service: TaskService;
  readonly #directory: string;
  readonly #keeper: Keeper | undefined;
  readonly #task: GuestTask;

  /**
   * @param directory for files of calls under way
   * @param publish sends an event of a container
   */
  constructor(
    directory: string,
    io: FifoIo,
    keeper: Keeper | undefined,
    publish: (topic: string, event: Any, containerId: string) => void,
  ) {
    this.#directory = directory;
    this.#keeper = keeper;
    this.#io = io;
    const runtimeFor = (prepared: PrepareContainerResponse | undefined) => this.#runtimeOf(prepared?.runtime);
    this.#service = new TaskService({ runtimeFor, stdio: this.#io, directory, publish });
    this.#task = directClient(this.#service.handlers());
  }

  /** The way to the containers of a sandbox. */
  link(sandboxId: string, _containerId: string, sandboxPid: number): SandboxLink {
    return new LocalLink(sandboxId, sandboxPid, this.#task, this.#io);
  }

  /** Takes over a container of an earlier run. @throws KuasarError where its record has no init */
  adopt(record: ContainerRecord): SandboxLink {
    const { id, sandboxId, runtime, processes = {}, paths } = record;
    const init = processes[""];
    if (!runtime || !init) {
      throw new KuasarError("DATA_LOSS", `Cannot take over container ${id}: its init is not known`);
    }
    const adopted = (execId: string, process: LocalProcess, stdio: StdioPaths): AdoptedProcess => {
      this.#io.adopt(id, execId, stdio, !process.stdinClosed);
      return {
        pid: process.pid,
        terminal: stdio.terminal,
        started: process.started,
        ...(process.exit && { exit: { status: process.exit.status, atNs: BigInt(process.exit.atNs) } }),
        waitForExit: () => adoptedExit(process, this.#keeper),
      };
    };
    const execs = Object.entries(record.execs).flatMap(([execId, stdio]) => {
      const process = processes[execId];
      return process ? [[execId, adopted(execId, process, stdio)] as const] : [];
    });
    this.#service.adopt({
      id,
      bundle: runtime.bundle,
      cgroup: runtime.cgroup,
      io: paths,
      init: adopted("", init, paths),
      execs: new Map(execs),
    }, { guest: undefined, guestBundle: runtime.bundle, mounts: [], sandboxPid: 0, runtime, netnsPath: "" });
    return this.link(sandboxId, id, 0);
  }

  /** Takes away what there may be of a container whose Create was cut off. */
  async discard({ id, runtime }: ContainerRecord): Promise<void> {
    try {
      await this.#runtimeOf(runtime).delete(id);
    } catch (error) {
      log.warn("cannot delete a container that was not finished", { container: id, error });
    }
  }

  #runtimeOf(runtime: ContainerRecord["runtime"]): OciRuntime {
    if (runtime?.kind !== HostRuntime_Kind.RUNC) {
      throw new KuasarError(
        "UNIMPLEMENTED",
        "Cannot run a container on the host: its kind of runtime is not known here",
      );
    }
    const { command, globalArgs, privateMounts } = runtime;
    return new OciRuntime({ command: [command, ...globalArgs], directory: this.#directory, privateMounts });
  }
}

/** The link to a sandbox that is nothing but namespaces: it never ends by itself. */
class LocalLink implements SandboxLink {
  readonly sandboxId: string;
  readonly pid: number;
  readonly local = true;
  readonly dead = false;
  readonly died = new Promise<void>(() => {});
  readonly #task: GuestTask;
  readonly #io: FifoIo;

  constructor(sandboxId: string, pid: number, task: GuestTask, io: FifoIo) {
    this.sandboxId = sandboxId;
    this.pid = pid;
    this.#task = task;
    this.#io = io;
  }

  task<T>(work: (task: GuestTask) => Promise<T>): Promise<T> {
    return work(this.#task);
  }

  /** Only a terminal has a stream besides the FIFOs, one for both directions. */
  async openStream(container: string, exec: string, _name: string): Promise<number> {
    return await Promise.resolve(this.#io.openTerminal(container, exec));
  }

  close(): void {}
}
