import { KuasarError } from "../../../lib/errors/mod.ts";
import type { HostRuntime } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { log } from "../../runtime/log.ts";
import type { HostProcess } from "../host_process.ts";
import { startTimeOf } from "../../task/start_time.ts";
import type { ContainerRecord } from "../record.ts";
import type { SandboxLink } from "../sandbox_link.ts";
import { TaskConnection } from "./connection.ts";
import { TaskServerLink } from "./link.ts";

/** The containers of sandboxes that serve containerd's Task API themselves. */
export class TaskServers {
  /** One for each sandbox with containers. */
  readonly #links = new Map<string, TaskServerLink>();

  /** The way to the containers of a sandbox, the same for all of them. */
  link(sandboxId: string, containerId: string, pid: number, runtime: HostRuntime): SandboxLink {
    const link = this.#link(sandboxId, { pid, startTime: startTimeOf(pid) }, runtime);
    link.add(containerId, runtime.bundle);
    return link;
  }

  /** Takes over a container of an earlier run. @throws KuasarError DATA_LOSS where its record does not tell its sandbox */
  adopt({ id, sandboxId, runtime, processes = {}, paths, execs }: ContainerRecord): SandboxLink {
    const init = processes[""];
    if (!runtime || !init) {
      throw new KuasarError("DATA_LOSS", `Cannot take over container ${id}: its sandbox is not known`);
    }
    const link = this.#link(sandboxId, { pid: init.pid, startTime: init.startTime }, runtime);
    link.add(id, runtime.bundle);
    link.adoptStdio(id, "", paths);
    for (const [execId, stdio] of Object.entries(execs)) link.adoptStdio(id, execId, stdio);
    return link;
  }

  /** Takes away what there may be of a container whose Create was cut off. */
  async discard({ id, runtime }: ContainerRecord): Promise<void> {
    if (!runtime) return;
    const connection = new TaskConnection(runtime.taskSocket);
    try {
      await connection.call((task) => task.delete({ id, execId: "" }), false);
    } catch (error) {
      log.debug("cannot delete a container that was not finished", { container: id, error });
    } finally {
      connection.close();
    }
  }

  #link(sandboxId: string, process: HostProcess, runtime: HostRuntime): TaskServerLink {
    const known = this.#links.get(sandboxId);
    if (known && !known.dead && known.pid === process.pid) return known;
    const forget = () => {
      if (this.#links.get(sandboxId)?.process === process) this.#links.delete(sandboxId);
    };
    const link = new TaskServerLink(sandboxId, process, runtime, forget);
    this.#links.set(sandboxId, link);
    return link;
  }
}
