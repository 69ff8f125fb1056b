import { KuasarError } from "../../../lib/errors/mod.ts";
import { checkId, parseProcess, stringifySpec } from "../../../lib/oci/mod.ts";
import { Metrics } from "../../../lib/proto/gen/cgroups/v2.ts";
import { TaskOOM } from "../../../lib/proto/gen/containerd/events/events.ts";
import { CheckpointOptions } from "../../../lib/proto/gen/containerd/runc/v1/options.ts";
import type {
  CreateTaskRequest,
  ExecProcessRequest,
  TaskDefinition,
} from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import {
  type HostRuntime,
  PrepareContainerResponse,
} from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Handlers } from "../../../lib/ttrpc/mod.ts";
import * as sys from "../../native/sys.js";
import { log } from "../../runtime/log.ts";
import { parseResources } from "../../task/service.ts";
import { timestampOf } from "../../task/timestamp.ts";
import { adoptedExit } from "../adopted_exit.ts";
import { directClient } from "../direct_client.ts";
import type { FifoIo } from "../fifo_io.ts";
import type { HostProcess } from "../host_process.ts";
import { startTimeOf } from "../../task/start_time.ts";
import type { Keeper } from "../keeper.ts";
import type { ContainerRecord } from "../record.ts";
import type { GuestTask, SandboxLink } from "../sandbox_link.ts";
import { Runsc } from "./command.ts";
import { runscIdOf } from "./container_id.ts";
import { RunscContainer } from "./container.ts";
import { Control } from "./control.ts";
import { RunscSandbox } from "./sandbox.ts";

const METRICS = "io.containerd.cgroups.v2.Metrics";

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
    const { sandbox } = link;
    const exitOf = ({ exit }: { exit?: { status: number; atNs: string } }) =>
      exit && { exit: { status: exit.status, atNs: BigInt(exit.atNs) } };
    const execs = Object.entries(record.execs).flatMap(([execId, stdio]) => {
      const process = processes[execId];
      if (!process) return [];
      this.#io.adopt(id, execId, stdio, !process.stdinClosed);
      return [
        [execId, {
          helper: process.pid,
          terminal: stdio.terminal,
          ...exitOf(process),
          waitForExit: () => adoptedExit(process, this.#keeper),
        }] as const,
      ];
    });
    const request = { id, bundle: runtime.bundle, sandboxPid: init.pid, io: paths };
    const deps = this.#depsOf(sandbox, runtime);
    if (init.started) {
      this.#io.adopt(id, "", paths, !init.stdinClosed);
      const started = { ...request, terminal: paths.terminal, ...exitOf(init) };
      sandbox.containers.set(id, RunscContainer.adopt(started, new Map(execs), deps));
    } else {
      sandbox.containers.set(id, RunscContainer.adoptCreated(request, deps));
    }
    return link;
  }

  /** Takes away what there may be of a container whose Create was cut off. */
  async discard({ id, runtime }: ContainerRecord): Promise<void> {
    if (!runtime) return;
    try {
      await this.#runscOf(runtime).delete(runscIdOf(id));
    } catch (error) {
      log.warn("cannot delete a container that was not finished", { container: id, error });
    }
  }

  #link(sandboxId: string, process: HostProcess, runtime: HostRuntime): RunscLink {
    const known = this.#links.get(sandboxId);
    if (known && !known.dead && known.pid === process.pid) return known;
    const control = new Control(runtime.taskSocket);
    const sandbox = new RunscSandbox(process, control, runtime.cgroup, (id) => {
      const event = {
        typeUrl: "containerd.events.TaskOOM",
        value: TaskOOM.encode({ containerId: id }).finish(),
      };
      this.#publish("/tasks/oom", event, id);
    });
    const task = directClient(this.#handlers(sandboxId, sandbox));
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
      sandboxDied: sandbox.died,
      restoreImage: runtime.restoreImage,
    };
  }

  #handlers(sandboxId: string, sandbox: RunscSandbox): Required<Handlers<typeof TaskDefinition>> {
    const pid = sandbox.process.pid;
    return {
      create: (request) => this.#create(sandbox, request),
      start: async ({ id, execId }) => {
        const container = sandbox.container(id);
        if (execId === "") await container.start();
        else await container.startExec(execId);
        return { pid: container.process(execId).pid };
      },
      state: ({ id, execId }) => {
        const container = sandbox.container(id);
        const { pid, status, terminal, exit } = container.process(execId);
        return {
          id,
          execId,
          bundle: container.bundle,
          pid,
          status,
          stdin: "",
          stdout: "",
          stderr: "",
          terminal,
          exitStatus: exit?.status ?? 0,
          exitedAt: timestampOf(exit),
        };
      },
      delete: async ({ id, execId }) => {
        const container = sandbox.container(id);
        const process = execId === "" ? container.init : container.deleteExec(execId);
        if (execId === "") {
          await container.delete();
          sandbox.containers.delete(id);
          sandbox.applyLimits();
        }
        return {
          pid: process.pid,
          exitStatus: process.exit?.status ?? 0,
          exitedAt: timestampOf(process.exit),
        };
      },
      pids: async ({ id }) => {
        const pids = await sandbox.container(id).pids();
        return { processes: pids.map((pid) => ({ pid, info: undefined })) };
      },
      pause: async ({ id }) => {
        await sandbox.container(id).freeze(true);
        return {};
      },
      resume: async ({ id }) => {
        await sandbox.container(id).freeze(false);
        return {};
      },
      kill: async ({ id, execId, signal, all }) => {
        await sandbox.container(id).kill(execId, signal, all);
        return {};
      },
      exec: (request) => exec(sandbox, request),
      resizePty: ({ id, execId, width, height }) => {
        sandbox.container(id).process(execId);
        this.#io.resize(id, execId, height, width);
        return {};
      },
      closeIO: ({ id, execId, stdin }) => {
        sandbox.container(id).process(execId);
        if (stdin) this.#io.closeStdin(id, execId);
        return {};
      },
      update: ({ id, resources }) => {
        const container = sandbox.container(id);
        if (!resources) return {};
        container.update(parseResources(resources));
        sandbox.applyLimits();
        return {};
      },
      wait: async ({ id, execId }) => {
        const exit = await sandbox.container(id).process(execId).wait();
        return { exitStatus: exit.status, exitedAt: timestampOf(exit) };
      },
      stats: async ({ id }) => {
        const metrics = Metrics.encode(await sandbox.container(id).metrics()).finish();
        return { stats: { typeUrl: METRICS, value: metrics } };
      },
      checkpoint: async ({ id, path, options }) => {
        const exit = options ? CheckpointOptions.decode(options.value).exit : false;
        await sandbox.container(id).checkpoint(path, !exit);
        return {};
      },
      connect: ({ id }) => {
        sandbox.container(id);
        return { shimPid: sys.getpid(), taskPid: pid, version: "3" };
      },
      shutdown: () => {
        log.debug("a sandbox does not end with a container", { sandbox: sandboxId });
        return {};
      },
    };
  }

  async #create(sandbox: RunscSandbox, request: CreateTaskRequest): Promise<{ pid: number }> {
    const id = checkId(request.id, "container id");
    const runtime = request.options && PrepareContainerResponse.decode(request.options.value).runtime;
    if (!runtime) throw new KuasarError("INTERNAL", `Cannot create ${id}: nothing tells how`);
    if (request.checkpoint !== "") {
      throw new KuasarError(
        "UNIMPLEMENTED",
        `Cannot restore ${id}: gVisor restores a pod as a whole, by the pod's annotation io.kuasar.gvisor.restore`,
      );
    }
    const { stdin, stdout, stderr, terminal, bundle } = request;
    const io = { stdin, stdout, stderr: terminal ? "" : stderr, terminal };
    const wanted = { id, bundle, io, sandboxPid: sandbox.process.pid };
    const container = await RunscContainer.create(wanted, this.#depsOf(sandbox, runtime));
    sandbox.containers.set(id, container);
    sandbox.applyLimits();
    return { pid: container.init.pid };
  }
}

function exec(sandbox: RunscSandbox, request: ExecProcessRequest): Record<never, never> {
  const container = sandbox.container(request.id);
  const execId = checkId(request.execId, "exec id");
  if (!request.spec) throw new KuasarError("INVALID_ARGUMENT", "Cannot exec: the request has no process");
  const spec = parseProcess(sys.utf8Decode(request.spec.value));
  spec.terminal = request.terminal;
  const { stdin, stdout, stderr, terminal } = request;
  container.addExec(execId, stringifySpec(spec as never), {
    stdin,
    stdout,
    stderr: terminal ? "" : stderr,
    terminal,
  });
  return {};
}

/** The link to a sandbox of gVisor's: it is over when that process ends. */
class RunscLink implements SandboxLink {
  readonly sandboxId: string;
  readonly local = true;
  readonly sandbox: RunscSandbox;
  readonly #task: GuestTask;
  readonly #io: FifoIo;
  readonly #onClose: () => void;

  constructor(sandboxId: string, sandbox: RunscSandbox, task: GuestTask, io: FifoIo, onClose: () => void) {
    this.sandboxId = sandboxId;
    this.sandbox = sandbox;
    this.#task = task;
    this.#io = io;
    this.#onClose = onClose;
  }

  get pid(): number {
    return this.sandbox.process.pid;
  }

  get died(): Promise<void> {
    return this.sandbox.died;
  }

  get dead(): boolean {
    return this.sandbox.dead;
  }

  task<T>(work: (task: GuestTask) => Promise<T>): Promise<T> {
    return work(this.#task);
  }

  /** Only a terminal has a stream besides the FIFOs, one for both directions. */
  async openStream(container: string, exec: string, _name: string): Promise<number> {
    return await Promise.resolve(this.#io.openTerminal(container, exec));
  }

  close(): void {
    this.sandbox.close();
    this.#onClose();
  }
}
