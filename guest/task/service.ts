import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId, parseProcess, stringifySpec } from "../../lib/oci/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";
import { TaskOOM } from "../../lib/proto/gen/containerd/events/events.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { CreateTaskRequest, ExecProcessRequest } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { PrepareContainerResponse } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Handlers, TtrpcServer } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { type AdoptedContainer, Container } from "./container.ts";
import { Criu } from "./criu/criu.ts";
import { checkpointOptions } from "./criu/options.ts";
import type { OciRuntime } from "./oci_runtime.ts";
import type { IoRequest, StdioProvider } from "./stdio.ts";
import { timestampOf } from "./timestamp.ts";

const PREPARED = "kuasar.prepare.v1.PrepareContainerResponse";

/** What the service needs from the rest of the agent. */
export interface TaskDeps {
  /** The runtime of a container; on a host each driver has its own. */
  runtimeFor: (prepared: PrepareContainerResponse | undefined) => OciRuntime;
  stdio: StdioProvider;
  /** For files that live as long as a call; it must exist. */
  directory: string;
  /** Sends an event to containerd. */
  publish: (topic: string, event: Any, containerId: string) => void;
}

function ioOf({ stdin, stdout, stderr, terminal }: IoRequest): IoRequest {
  return { stdin, stdout, stderr: terminal ? "" : stderr, terminal };
}

function preparedOf(options: Any | undefined): PrepareContainerResponse | undefined {
  return options?.typeUrl === PREPARED ? PrepareContainerResponse.decode(options.value) : undefined;
}

/** containerd's Task API for the containers of this machine. */
export class TaskService {
  readonly #deps: TaskDeps;
  readonly #containers = new Map<string, Container>();
  /** Ids whose create is under way. */
  readonly #creating = new Set<string>();

  constructor(deps: TaskDeps) {
    this.#deps = deps;
  }

  /** Registers the service under both of its versions, which share their messages. */
  register(server: TtrpcServer): void {
    server.add(TaskDefinition, this.handlers(), { fullName: "containerd.task.v2.Task" });
  }

  /** Takes over a container that an earlier run of this program has made. */
  adopt(container: AdoptedContainer, prepared: PrepareContainerResponse): void {
    this.#containers.set(container.id, Container.adopt(container, this.#depsOf(container.id, prepared)));
  }

  #depsOf(id: string, prepared: PrepareContainerResponse | undefined) {
    const { runtimeFor, stdio, directory, publish } = this.#deps;
    const onOom = () => publish("/tasks/oom", oomEvent(id), id);
    const init = {
      defaultSignals: prepared?.runtime?.defaultSignals ?? false,
      timeLimitMs: prepared?.runtime?.timeLimitMs ?? 0,
    };
    const program = prepared?.runtime?.criu;
    const criu = program ? new Criu(program, directory) : undefined;
    return { runtime: runtimeFor(prepared), stdio, criu, directory, init, onOom };
  }

  #container(id: string): Container {
    const container = this.#containers.get(id);
    if (!container) {
      throw new KuasarError("NOT_FOUND", `Cannot find container ${JSON.stringify(id.slice(0, 80))}`);
    }
    return container;
  }

  /** The handlers, for a server and for callers of this process. */
  handlers(): Required<Handlers<typeof TaskDefinition>> {
    return {
      create: (request) => this.#create(request),
      start: async ({ id, execId }) => {
        const container = this.#container(id);
        if (execId === "") await container.start();
        else await container.startExec(execId);
        return { pid: container.process(execId).pid };
      },
      state: ({ id, execId }) => {
        const container = this.#container(id);
        const process = container.process(execId);
        return {
          id,
          execId,
          bundle: container.bundle,
          pid: process.pid,
          status: process.status,
          stdin: "",
          stdout: "",
          stderr: "",
          terminal: process.terminal,
          exitStatus: process.exit?.status ?? 0,
          exitedAt: timestampOf(process.exit),
        };
      },
      delete: async ({ id, execId }) => {
        const container = this.#container(id);
        const process = execId === "" ? container.init : container.deleteExec(execId);
        if (execId === "") {
          await container.delete();
          this.#containers.delete(id);
        }
        return {
          pid: process.pid,
          exitStatus: process.exit?.status ?? 0,
          exitedAt: timestampOf(process.exit),
        };
      },
      pids: ({ id }) => {
        const pids = this.#container(id).cgroup.pids();
        return { processes: pids.map((pid) => ({ pid, info: undefined })) };
      },
      pause: ({ id }) => this.#freeze(id, true),
      resume: ({ id }) => this.#freeze(id, false),
      kill: ({ id, execId, signal, all }) => {
        const container = this.#container(id);
        if (all && execId === "") container.killAll(signal);
        else container.process(execId).kill(signal);
        return {};
      },
      exec: (request) => this.#exec(request),
      resizePty: ({ id, execId, width, height }) => {
        this.#container(id).process(execId);
        this.#deps.stdio.resize(id, execId, height, width);
        return {};
      },
      closeIO: ({ id, execId, stdin }) => {
        this.#container(id).process(execId);
        if (stdin) this.#deps.stdio.closeStdin(id, execId);
        return {};
      },
      update: ({ id, resources }) => {
        const container = this.#container(id);
        if (!resources) return {};
        container.cgroup.update(parseResources(resources));
        return {};
      },
      wait: async ({ id, execId }) => {
        const exit = await this.#container(id).process(execId).wait();
        return { exitStatus: exit.status, exitedAt: timestampOf(exit) };
      },
      stats: ({ id }) => ({ stats: this.#container(id).cgroup.metrics() }),
      checkpoint: async ({ id, path, options }) => {
        await this.#container(id).checkpoint(path, checkpointOptions(options));
        return {};
      },
      connect: ({ id }) => ({ shimPid: sys.getpid(), taskPid: this.#container(id).init.pid, version: "3" }),
      // The agent ends with its machine, never with a container.
      shutdown: () => ({}),
    };
  }

  async #create(request: CreateTaskRequest): Promise<{ pid: number }> {
    const id = checkId(request.id, "container id");
    if (this.#containers.has(id) || this.#creating.has(id)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot create container ${id}: there is one with this id`);
    }
    this.#creating.add(id);
    try {
      const prepared = preparedOf(request.options);
      const deps = this.#depsOf(id, prepared);
      if (request.checkpoint !== "") {
        if (!deps.criu) {
          throw new KuasarError(
            "UNIMPLEMENTED",
            `Cannot restore container ${id}: its runtime does not support it`,
          );
        }
        deps.criu.mustBeThere(`restore container ${id}`);
      }
      const wanted = {
        id,
        bundle: request.bundle,
        mounts: prepared?.mounts ?? [],
        io: ioOf(request),
        cgroup: prepared?.runtime?.cgroup ?? "",
        ...(request.checkpoint === "" ? {} : { checkpoint: request.checkpoint }),
      };
      const container = await Container.create(wanted, deps);
      this.#containers.set(id, container);
      return { pid: container.init.pid };
    } finally {
      this.#creating.delete(id);
    }
  }

  #exec(request: ExecProcessRequest): Record<never, never> {
    const container = this.#container(request.id);
    const execId = checkId(request.execId, "exec id");
    if (!request.spec) throw new KuasarError("INVALID_ARGUMENT", "Cannot exec: the request has no process");
    const spec = parseProcess(sys.utf8Decode(request.spec.value));
    spec.terminal = request.terminal;
    container.addExec(execId, stringifySpec(spec as never), ioOf(request));
    return {};
  }

  async #freeze(id: string, frozen: boolean): Promise<Record<never, never>> {
    await this.#container(id).freeze(frozen);
    return {};
  }
}

/** The resources of an update. @throws KuasarError INVALID_ARGUMENT */
export function parseResources(resources: Any): Resources {
  let value: unknown;
  try {
    value = JSON.parse(sys.utf8Decode(resources.value));
  } catch (cause) {
    throw new KuasarError("INVALID_ARGUMENT", "Cannot update resources: they are not JSON", { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Resources;
  throw new KuasarError("INVALID_ARGUMENT", "Cannot update resources: they are no object");
}

function oomEvent(containerId: string): Any {
  return { typeUrl: "containerd.events.TaskOOM", value: TaskOOM.encode({ containerId }).finish() };
}
