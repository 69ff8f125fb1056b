import { KuasarError } from "../../lib/errors/mod.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import {
  HostRuntime_Kind,
  type PrepareContainerResponse,
} from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { log } from "../runtime/log.ts";
import { OciRuntime } from "../task/oci_runtime.ts";
import { TaskService } from "../task/service.ts";
import { adoptExecs, adoptProcess } from "./adopted_process.ts";
import { directClient } from "./direct_client.ts";
import type { FifoIo } from "./fifo_io.ts";
import type { Keeper } from "./keeper.ts";
import { LocalLink } from "./local_link.ts";
import type { ContainerRecord } from "./record.ts";
import type { GuestTask, SandboxLink } from "./sandbox_link.ts";

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

  /** The way to the containers of a sandbox, which is nothing but namespaces: it never ends by itself. */
  link(sandboxId: string, _containerId: string, pid: number): SandboxLink {
    const sandbox = { pid, dead: false, died: new Promise<void>(() => {}), close: () => {} };
    return new LocalLink(sandboxId, sandbox, this.#task, this.#io);
  }

  /** Takes over a container of an earlier run. @throws KuasarError where its record has no init */
  adopt(record: ContainerRecord): SandboxLink {
    const { id, sandboxId, runtime, processes = {}, paths } = record;
    const init = processes[""];
    if (!runtime || !init) {
      throw new KuasarError("DATA_LOSS", `Cannot take over container ${id}: its init is not known`);
    }
    this.#io.adopt(id, "", paths, !init.stdinClosed);
    this.#service.adopt({
      id,
      bundle: runtime.bundle,
      cgroup: runtime.cgroup,
      io: paths,
      init: adoptProcess(init, paths, this.#keeper),
      execs: adoptExecs(record, this.#io, this.#keeper),
    }, {
      guest: undefined,
      guestBundle: runtime.bundle,
      mounts: [],
      sandboxPid: 0,
      runtime,
      netnsPath: "",
      returned: [],
    });
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
