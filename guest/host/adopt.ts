import { Status } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { log } from "../runtime/log.ts";
import { UnansweredError } from "./answer_times.ts";
import type { HostContainer } from "./container.ts";
import type { HostDeps } from "./host_deps.ts";
import { newContainer } from "./new_container.ts";
import { PauseLink } from "./pause_link.ts";
import type { ContainerRecord } from "./record.ts";
import type { SandboxLink } from "./sandbox_link.ts";

/** Takes over what an earlier run of this server has left of a container. */
export async function adoptContainer(deps: HostDeps, record: ContainerRecord): Promise<void> {
  const { registry, local, releases, streams } = deps;
  const link = record.phase === "created" ? foundLink(deps, record) : undefined;
  if (!link) {
    const { runtime } = record;
    if (runtime) await local.discard({ ...record, runtime });
    return await releases.release(record);
  }
  const container = newContainer(deps, record, link);
  registry.add(container);
  for (const paths of [record.paths, ...Object.values(record.execs)]) streams.adopt(paths);
  for (const [execId, paths] of Object.entries(record.execs)) container.addExec(execId, paths);
  for (const [execId, { pid }] of Object.entries(record.processes ?? {})) {
    container.process(execId).pid = pid;
  }
  await Promise.all(["", ...container.execs.keys()].map((execId) => adoptProcess(container, execId)));
}

/** As {@link linkOf}; undefined also where something of it has gone, which must not keep the others waiting. */
function foundLink(deps: HostDeps, record: ContainerRecord): SandboxLink | undefined {
  try {
    return linkOf(deps, record);
  } catch (error) {
    log.error("cannot take a container over", { container: record.id, error });
    return undefined;
  }
}

function linkOf({ registry, local }: HostDeps, record: ContainerRecord): SandboxLink | undefined {
  const { sandboxId, endpoint, vmm, pause, runtime, netns = "" } = record;
  if (runtime && record.processes?.[""]) return local.adopt({ ...record, runtime });
  if (!vmm) return undefined;
  if (pause) return new PauseLink(sandboxId, vmm);
  return endpoint && registry.link(sandboxId, { endpoint, vmm, netns });
}

async function adoptProcess(container: HostContainer, execId: string): Promise<void> {
  const { id } = container.record;
  const process = container.process(execId);
  try {
    const status = await statusOf(container, execId);
    // An ended process may still have output that nobody has fetched; its exit comes by Wait.
    if (status !== Status.STOPPED) process.status = status;
    if (status !== Status.CREATED || execId === "") await container.connectStdio(execId);
  } catch (error) {
    log.warn("cannot take a process over", { container: id, exec: execId, error });
    process.stdio.close();
  }
  void container.watchExit(execId);
}

/** As often as it takes: a guest that does not answer now may have output later, or its VM ends. */
async function statusOf(container: HostContainer, execId: string): Promise<Status> {
  for (;;) {
    try {
      return (await container.guest((task) => task.state({ id: container.record.id, execId }))).status;
    } catch (error) {
      if (!(error instanceof UnansweredError) || container.link.dead) throw error;
    }
  }
}
