import { type HostRuntime, HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import * as sys from "../native/sys.js";
import { FifoIo } from "./fifo_io.ts";
import type { Keeper } from "./keeper.ts";
import { LocalTasks } from "./local_tasks.ts";
import { type ContainerRecord, isAlone } from "./record.ts";
import { RunscTasks } from "./runsc/tasks.ts";
import type { SandboxLink } from "./sandbox_link.ts";
import { TaskServers } from "./task_server/tasks.ts";

/** One way of running the containers of sandboxes without an agent. */
interface HostTasks {
  /** The way to a container's sandbox. */
  link(sandboxId: string, containerId: string, sandboxPid: number, runtime: HostRuntime): SandboxLink;
  /** Takes over a container of an earlier run. @throws KuasarError where its record does not tell enough */
  adopt(record: ContainerRecord): SandboxLink;
  /** Takes away what there may be of a container whose Create was cut off. */
  discard(record: ContainerRecord): Promise<void>;
}

/** The containers that run on the host, each in the way that its driver has told. */
export class HostSandboxes {
  readonly #io: FifoIo;
  readonly #kinds: Readonly<Record<HostRuntime_Kind, HostTasks>>;

  /**
   * @param directory for files of calls under way; emptied
   * @param publish sends an event of a container
   */
  constructor(
    directory: string,
    keeper: Keeper | undefined,
    publish: (topic: string, event: Any, containerId: string) => void,
  ) {
    sys.removeAll(directory);
    sys.mkdirAll(directory, 0o700);
    const io = this.#io = new FifoIo(directory, keeper);
    this.#kinds = {
      [HostRuntime_Kind.RUNC]: new LocalTasks(directory, io, keeper, publish),
      [HostRuntime_Kind.RUNSC]: new RunscTasks(directory, io, keeper, publish),
      [HostRuntime_Kind.TASK_SERVER]: new TaskServers(),
    };
  }

  link(sandboxId: string, containerId: string, sandboxPid: number, runtime: HostRuntime): SandboxLink {
    if (isAlone({ id: containerId, sandboxId })) this.#io.standsAlone(containerId);
    return this.#kinds[runtime.kind].link(sandboxId, containerId, sandboxPid, runtime);
  }

  adopt(record: ContainerRecord & { runtime: HostRuntime }): SandboxLink {
    if (isAlone(record)) this.#io.standsAlone(record.id);
    return this.#kinds[record.runtime.kind].adopt(record);
  }

  async discard(record: ContainerRecord & { runtime: HostRuntime }): Promise<void> {
    await this.#kinds[record.runtime.kind].discard(record);
  }
}
