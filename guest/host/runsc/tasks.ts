import { KuasarError } from "../../../lib/errors/mod.ts";
import { endMarked, RESTORE_ANNOTATION } from "../../../lib/gvisor/mod.ts";
import type { CreateTaskRequest } from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import {
  type HostRuntime,
  PrepareContainerResponse,
} from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { log } from "../../runtime/log.ts";
import { ioOf, taskHandlers } from "../../task/handlers.ts";
import { OOM_TOPIC, oomEvent } from "../../task/oom_event.ts";
import { startTimeOf } from "../../task/start_time.ts";
import { adoptExecs, adoptProcess } from "../adopted_process.ts";
import { directClient } from "../direct_client.ts";
import type { FifoIo } from "../fifo_io.ts";
import type { HostProcess } from "../host_process.ts";
import type { Keeper } from "../keeper.ts";
import { LocalLink } from "../local_link.ts";
import type { ContainerRecord } from "../record.ts";
import type { GuestTask, SandboxLink } from "../sandbox_link.ts";
import { TimedCalls } from "../timed_calls.ts";
import { Runsc } from "./command.ts";
import { RunscContainer } from "./container.ts";
import { Control } from "./control.ts";
import { RunscSandbox } from "./sandbox.ts";

/** The containers in gVisor's sandboxes, which all have containerd's FIFOs as their stdio. */
export class RunscTasks {
  readonly #directory: string;
  readonly #io: FifoIo;
  readonly #keeper: Keeper | undefined;
  readonly #publish: (topic: string, event: Any, containerId: string) => void;
  /** One for each sandbox with containers. */
  readonly #links = new Map<string, RunscLink>();

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
    this.#io = io;
    this.#keeper = keeper;
    this.#publish = publish;
  }

  /** The way to the containers of a sandbox, the same for all of them. */
  link(sandboxId: string, _containerId: string, pid: number, runtime: HostRuntime): SandboxLink {
    return this.#link(sandboxId, { pid, startTime: startTimeOf(pid) }, runtime);
  }

  /**
   * Takes over a container of an earlier run of this program.
   *
   * @throws KuasarError DATA_LOSS where its record does not tell its sandbox
   */
  adopt(record: ContainerRecord): SandboxLink {
    const { id, sandboxId, runtime, processes = {}, paths } = record;
    const init = processes[""];
    if (!runtime || !init) {
      throw new KuasarError("DATA_LOSS", `Cannot take over container ${id}: its sandbox is not known`);
    }
    const link = this.#link(sandboxId, { pid: init.pid, startTime: init.startTime }, runtime);
    const deps = this.#depsOf(link.sandbox, runtime);
    const { bundle } = runtime;
    const execs = adoptExecs(record, this.#io, this.#keeper);
    if (init.started) {
      this.#io.adopt(id, "", paths, !init.stdinClosed);
      const adopted = { id, bundle, init: adoptProcess(init, paths, this.#keeper), execs };
      link.sandbox.containers.set(id, RunscContainer.adopt(adopted, deps));
    } else {
      const created = { id, bundle, sandboxPid: init.pid, io: paths };
      link.sandbox.containers.set(id, RunscContainer.adoptCreated(created, deps));
    }
    return link;
  }

  /** Takes away what there may be of a container whose Create was cut off. */
  async discard({ id, runtime }: ContainerRecord): Promise<void> {
    if (!runtime) return;
    try {
      await this.#runscOf(runtime).delete(endMarked(id));
    } catch (error) {
      log.warn("cannot delete a container that was not finished", { container: id, error });
    }
  }

  #link(sandboxId: string, process: HostProcess, runtime: HostRuntime): RunscLink {
    const known = this.#links.get(sandboxId);
    if (known && !known.dead && known.pid === process.pid) return known;
    const control = new Control(runtime.taskSocket);
    const onOom = (id: string) => this.#publish(OOM_TOPIC, oomEvent(id), id);
    const sandbox = new RunscSandbox(process, control, runtime.cgroup, onOom);
    const containers = {
      get: (id: string) => sandbox.container(id),
      create: (id: string, request: CreateTaskRequest) => this.#create(sandbox, id, request),
      remove: (id: string) => sandbox.remove(id),
    };
    const task = directClient(taskHandlers(containers, this.#io));
    const link = new RunscLink(sandboxId, sandbox, task, this.#io, () => {
      if (this.#links.get(sandboxId) === link) this.#links.delete(sandboxId);
    });
    this.#links.set(sandboxId, link);
    return link;
  }

  #runscOf({ command, globalArgs, privateMounts }: HostRuntime): Runsc {
    return new Runsc({ command: [command, ...globalArgs], directory: this.#directory, privateMounts });
  }

  #depsOf(sandbox: RunscSandbox, runtime: HostRuntime) {
    return {
      runsc: this.#runscOf(runtime),
      control: sandbox.control,
      stdio: this.#io,
      hostUsage: () => sandbox.hostUsage(),
      containers: () => sandbox.containers.values(),
      applyLimits: () => sandbox.applyLimits(),
      sandboxDied: sandbox.died,
      restoreImage: runtime.restoreImage,
    };
  }

  async #create(sandbox: RunscSandbox, id: string, request: CreateTaskRequest): Promise<RunscContainer> {
    const runtime = request.options && PrepareContainerResponse.decode(request.options.value).runtime;
    if (!runtime) throw new KuasarError("INTERNAL", `Cannot create ${id}: nothing tells how`);
    if (request.checkpoint !== "") {
      throw new KuasarError(
        "UNIMPLEMENTED",
        `Cannot restore ${id}: gVisor restores a pod as a whole, by the pod's annotation ${RESTORE_ANNOTATION}`,
      );
    }
    const wanted = { id, bundle: request.bundle, io: ioOf(request), sandboxPid: sandbox.pid };
    const container = await RunscContainer.create(wanted, this.#depsOf(sandbox, runtime));
    sandbox.add(container);
    return container;
  }
}

/** The link to a sandbox of gVisor's: it is over when that process ends. */
class RunscLink extends LocalLink {
  readonly sandbox: RunscSandbox;
  readonly #calls: TimedCalls;
  readonly #onClose: () => void;

  constructor(sandboxId: string, sandbox: RunscSandbox, task: GuestTask, io: FifoIo, onClose: () => void) {
    super(sandboxId, sandbox, task, io);
    this.sandbox = sandbox;
    this.#calls = new TimedCalls(sandboxId);
    this.#onClose = onClose;
  }

  get silent(): boolean {
    return this.#calls.silent;
  }

  /** As a guest, a sandbox may stand still. */
  override task<T>(work: (task: GuestTask) => Promise<T>): Promise<T> {
    return super.task((task) =>
      work(
        this.#calls.client((method, request) =>
          (task[method] as (request: unknown) => Promise<unknown>)(request)
        ),
      )
    );
  }

  override close(): void {
    super.close();
    this.#onClose();
  }
}
