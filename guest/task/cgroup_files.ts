import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";

/** No cgroup file that we read is longer. */
const MAX_BYTES = 256 << 10;

/** Reads a file of a cgroup; empty where it is not there. */
export function readCgroupFile(path: string): string {
  try {
    return sys.readTextFile(path, MAX_BYTES);
  } catch {
    return "";
  }
}

/** Writes to a file of a cgroup, which must be there. @throws sys.SysError */
export function writeCgroupFile(path: string, value: string): void {
  sys.writeFile(path, value, 0o644, sys.O.WRONLY);
}

/**
 * Writes a limit. A controller that this kernel does not have is no reason to refuse the rest of an update.
 *
 * @throws KuasarError INVALID_ARGUMENT where the kernel does not take the value
 */
export function updateCgroupFile(path: string, value: string): void {
  const file = path.slice(path.lastIndexOf("/") + 1);
  try {
    writeCgroupFile(path, value);
  } catch (error) {
    if ((error as sys.SysError).errno === sys.E.NOENT) return log.warn("no such cgroup file", { file });
    throw new KuasarError("INVALID_ARGUMENT", `Cannot set ${file} to "${value}"`, { cause: error });
  }
}

/** Pids in a cgroup and those below it; none where it is not there. */
export function pidsBelow(folder: string): number[] {
  try {
    const lines = sys.readTextFile(`${folder}/cgroup.procs`, 1 << 20).split("\n");
    // A process of a PID namespace that we do not see is told as 0, by which kill(2) would mean ourselves.
    const own = lines.map(Number).filter((pid) => pid > 0);
    const children = sys.readdir(folder).filter((entry) => entry.type === "dir");
    return [...own, ...children.flatMap((entry) => pidsBelow(`${folder}/${entry.name}`))];
  } catch {
    return [];
  }
}

/** Removes a cgroup's folder with those below it; one that is not there is fine. @throws sys.SysError EBUSY while it has processes */
export function removeCgroupFolder(folder: string): void {
  try {
    sys.rmdir(folder);
  } catch (error) {
    const { errno } = error as sys.SysError;
    if (errno === sys.E.NOENT) return;
    const children = sys.readdir(folder).filter((entry) => entry.type === "dir");
    // Nothing is below it that could be in the way.
    if (children.length === 0) throw error;
    for (const { name } of children) removeCgroupFolder(`${folder}/${name}`);
    sys.rmdir(folder);
  }
}
