import { cgroupFolders, removeCgroup } from "./cgroup.ts";
import { hierarchies, type Hierarchy } from "./hierarchies.ts";

/** A process that forks while the others are killed is met in the next round. */
const KILL_ROUNDS = 50;
const KILL_STEP_MS = 20;

/** The pids in these folders and all below them. */
export function processesIn(folders: readonly string[]): number[] {
  const found = new Set<number>();
  for (const folder of folders.flatMap(withChildren)) {
    try {
      for (const line of Deno.readTextFileSync(`${folder}/cgroup.procs`).split("\n")) {
        // A process of a PID namespace that we do not see is told as 0, by which kill(2) would mean ourselves.
        if (Number(line) > 0) found.add(Number(line));
      }
    } catch {
      // Gone meanwhile.
    }
  }
  return [...found];
}

/**
 * Kills everything in these folders and below, and waits until it has ended.
 *
 * @returns pids that are there even so
 */
export async function killCgroup(folders: readonly string[]): Promise<number[]> {
  for (let round = 0;; round++) {
    const pids = processesIn(folders);
    if (pids.length === 0 || round === KILL_ROUNDS) return pids;
    for (const pid of pids) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended between the list and the signal.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, KILL_STEP_MS));
  }
}

/** Removes folders with all cgroups below them, whose processes have ended. @throws KuasarError FAILED_PRECONDITION */
export async function removeCgroupTree(folders: readonly string[]): Promise<void> {
  await removeCgroup(folders.flatMap(withChildren).reverse());
}

/** The cgroups right below one, as paths like its own, each once however many hierarchies have it. */
export function childCgroups(path: string, trees: readonly Hierarchy[] = hierarchies()): string[] {
  const found = new Set<string>();
  for (const folder of cgroupFolders(path, trees)) {
    try {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        if (isDirectory) found.add(`${path}/${name}`);
      }
    } catch {
      // Not in this hierarchy.
    }
  }
  return [...found];
}

/** A folder and those below it, each before its own children; none where it does not exist. */
function withChildren(folder: string): string[] {
  try {
    const children = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
    return [folder, ...children.flatMap(({ name }) => withChildren(`${folder}/${name}`))];
  } catch {
    return [];
  }
}
