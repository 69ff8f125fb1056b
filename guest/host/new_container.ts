import { HostContainer } from "./container.ts";
import type { HostDeps } from "./host_deps.ts";
import { type Exit, nsOf } from "./process.ts";
import { noteProcess } from "./process_notes.ts";
import type { ContainerRecord } from "./record.ts";
import type { SandboxLink } from "./sandbox_link.ts";

/** The container of a record. The end of each of its processes is written down, then told. */
export function newContainer(deps: HostDeps, record: ContainerRecord, link: SandboxLink): HostContainer {
  const onExit = (execId: string, exit: Exit) => {
    const process = record.processes?.[execId];
    if (process) {
      const { status, at } = exit;
      noteProcess(deps.records, record, execId, { exit: { status, atNs: String(nsOf(at)) } });
      // Only now may it be forgotten elsewhere.
      deps.keeper?.done(process);
    }
    deps.events.exited(record, execId, exit, process?.pid ?? link.pid);
  };
  return new HostContainer(record, link, deps.keeper, onExit);
}
