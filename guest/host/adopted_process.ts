import type { AdoptedProcess } from "../task/container.ts";
import { adoptedExit } from "./adopted_exit.ts";
import type { FifoIo } from "./fifo_io.ts";
import type { Keeper } from "./keeper.ts";
import type { ContainerRecord, LocalProcess } from "./record.ts";
import type { StdioPaths } from "./stdio.ts";

/** Takes over a process of an earlier run. Its streams are another matter, see {@link adoptExecs}. */
export function adoptProcess(
  process: LocalProcess,
  { terminal }: StdioPaths,
  keeper: Keeper | undefined,
): AdoptedProcess {
  const { pid, started, exit } = process;
  return {
    pid,
    terminal,
    started,
    ...(exit && { exit: { status: exit.status, atNs: BigInt(exit.atNs) } }),
    waitForExit: () => adoptedExit(process, keeper),
  };
}

/** Takes over the execs of a container of an earlier run that have a process, with their streams. */
export function adoptExecs(
  { id, execs, processes = {} }: ContainerRecord,
  io: FifoIo,
  keeper: Keeper | undefined,
): Map<string, AdoptedProcess> {
  const adopted = new Map<string, AdoptedProcess>();
  for (const [execId, stdio] of Object.entries(execs)) {
    const process = processes[execId];
    if (!process) continue;
    io.adopt(id, execId, stdio, !process.stdinClosed);
    adopted.set(execId, adoptProcess(process, stdio, keeper));
  }
  return adopted;
}
