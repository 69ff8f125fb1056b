import { replaceFile } from "../../lib/files/mod.ts";

/** A process that can be told from a later one with the same pid. */
export interface RecordedProcess {
  name: string;
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks after boot. */
  startTime: number;
}

/** The start time of `pid`, or undefined where there is no such process. */
export async function startTimeOf(pid: number): Promise<number | undefined> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // The name in field 2 may hold spaces and brackets; fields count from behind its last bracket.
    const value = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    return Number.isSafeInteger(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Writes down which processes run, so that the next start can end what a killed supervisor left behind. */
export async function writePidFile(
  path: string,
  processes: readonly { name: string; pid: number }[],
): Promise<void> {
  const records: RecordedProcess[] = [];
  for (const { name, pid } of processes) {
    const startTime = await startTimeOf(pid);
    if (startTime !== undefined) records.push({ name, pid, startTime });
  }
  replaceFile(path, JSON.stringify(records));
}

/** The processes of `path` that still run; an unreadable file names none. */
export async function stillRunning(path: string): Promise<RecordedProcess[]> {
  let records: unknown;
  try {
    records = JSON.parse(await Deno.readTextFile(path));
  } catch {
    return [];
  }
  if (!Array.isArray(records)) return [];
  const running: RecordedProcess[] = [];
  for (const record of records as RecordedProcess[]) {
    const { pid, startTime } = record;
    if (Number.isSafeInteger(pid) && pid > 1 && await startTimeOf(pid) === startTime) running.push(record);
  }
  return running;
}
