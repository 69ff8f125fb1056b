import { startTimeOf } from "../task/start_time.ts";
import type { HostContainer } from "./container.ts";
import type { ContainerRecord, LocalProcess, RecordStore } from "./record.ts";

/** A process of the host's is there. Not written yet. */
export function noteBegun(container: HostContainer, execId: string, pid: number): void {
  container.process(execId).pid = pid;
  (container.record.processes ??= {})[execId] = {
    pid,
    startTime: startTimeOf(pid),
    started: execId !== "",
  };
}

/** Writes down what has become of a process of the host's. */
export function noteProcess(
  records: RecordStore,
  record: ContainerRecord,
  execId: string,
  change: Partial<LocalProcess>,
): void {
  const process = record.processes?.[execId];
  if (!process) return;
  Object.assign(process, change);
  records.note(record);
}
