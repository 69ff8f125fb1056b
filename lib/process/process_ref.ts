import { KuasarError } from "../errors/mod.ts";

/** A process that cannot be confused with a later one of the same pid. Plain data, for the state of a service. */
export interface ProcessRef {
  pid: number;
  /** Clock ticks from the boot of the host to the start of the process (proc_pid_stat(5), field 22). */
  startTime: number;
}

/** What /proc/<pid>/stat tells, of which we use this much. */
interface ProcessStat {
  state: string;
  startTime: number;
}

/**
 * When a process started.
 *
 * @returns undefined when there is no such process
 */
export function startTime(pid: number): number | undefined {
  return readStat(pid)?.startTime;
}

/**
 * A reference to a running process.
 *
 * @throws {KuasarError} NOT_FOUND when there is no such process
 */
export function processRef(pid: number): ProcessRef {
  const stat = readStat(pid);
  if (stat === undefined) throw new KuasarError("NOT_FOUND", `Cannot refer to process ${pid}: there is none`);
  return { pid, startTime: stat.startTime };
}

/** Whether the process still runs; a zombie does not. */
export function isAlive(ref: ProcessRef): boolean {
  const stat = readStat(ref.pid);
  return stat !== undefined && stat.startTime === ref.startTime && stat.state !== "Z" && stat.state !== "X";
}

function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch (error) {
    // ESRCH: the process went between open and read.
    if (error instanceof Deno.errors.NotFound || (error as { code?: string }).code === "ESRCH") {
      return undefined;
    }
    throw error;
  }
}

/** Reads a line of /proc/<pid>/stat; the name in parentheses may hold anything, parentheses too. */
export function parseStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTime: Number(fields[19]) };
}
