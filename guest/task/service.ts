import { KuasarError } from "../../lib/errors/mod.ts";
import { type CreateTaskRequest, TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { PrepareContainerResponse } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Handlers, TtrpcServer } from "../../lib/ttrpc/mod.ts";
import { type AdoptedContainer, Container } from "./container.ts";
import { Criu } from "./criu/criu.ts";
import { ioOf, taskHandlers } from "./handlers.ts";
import type { OciRuntime } from "./oci_runtime.ts";
import { OOM_TOPIC, oomEvent } from "./oom_event.ts";
import type { StdioProvider } from "./stdio.ts";
import { noContainer, type TaskContainers } from "./task_container.ts";

/** The type of what a container is prepared with, as the options of its Create. */
export const PREPARED = "kuasar.prepare.v1.PrepareContainerResponse";

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

function preparedOf(options: Any | undefined): PrepareContainerResponse | undefined {
  return options?.typeUrl === PREPARED ? PrepareContainerResponse.decode(options.value) : undefined;
}

/** containerd's Task API for the containers of this machine. */
export class TaskService implements TaskContainers {
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

  /** The handlers, for a server and for callers of this process. */
  handlers(): Required<Handlers<typeof TaskDefinition>> {
    return taskHandlers(this, this.#deps.stdio);
  }

  /** Takes over a container that an earlier run of this program has made. */
  adopt(container: AdoptedContainer, prepared: PrepareContainerResponse): void {
    this.#containers.set(container.id, Container.adopt(container, this.#depsOf(container.id, prepared)));
  }

  get(id: string): Container {
    const container = this.#containers.get(id);
    if (!container) throw noContainer(id);
    return container;
  }

  async create(id: string, request: CreateTaskRequest): Promise<Container> {
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
      return container;
    } finally {
      this.#creating.delete(id);
    }
  }

  remove(id: string): void {
    this.#containers.delete(id);
  }

  #depsOf(id: string, prepared: PrepareContainerResponse | undefined) {
    const { runtimeFor, stdio, directory, publish } = this.#deps;
    const onOom = () => publish(OOM_TOPIC, oomEvent(id), id);
    const init = {
      defaultSignals: prepared?.runtime?.defaultSignals ?? false,
      timeLimitMs: prepared?.runtime?.timeLimitMs ?? 0,
    };
    const program = prepared?.runtime?.criu;
    const criu = program ? new Criu(program, directory) : undefined;
    return { runtime: runtimeFor(prepared), stdio, criu, directory, init, onOom };
  }
}
