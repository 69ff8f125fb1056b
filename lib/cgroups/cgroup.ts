import { KuasarError } from "../errors/mod.ts";
import { hierarchies, type Hierarchy } from "./hierarchies.ts";

/** Handed down to children of version 2, so that the pod's processes are measured on their own. */
const V2_CONTROLLERS = "+memory +cpu +pids +io";

const MAKE_ATTEMPTS = 5;

/** The kernel lets go of a cgroup a moment after its last process. */
const REMOVE_ATTEMPTS = 50;
const REMOVE_STEP_MS = 20;

/** The folders of a cgroup in every hierarchy, whether they exist or not. */
export function cgroupFolders(path: string, trees: readonly Hierarchy[] = hierarchies()): string[] {
  return trees.map(({ root }) => root + path);
}

/**
 * Makes a cgroup in every hierarchy, with those above it. May be repeated.
 *
 * @param path `/kubepods/pod1/kuasar_2`
 * @returns its folders, into whose `cgroup.procs` a process goes
 * @throws KuasarError FAILED_PRECONDITION where the kernel refuses
 */
export function makeCgroup(path: string, trees: readonly Hierarchy[] = hierarchies()): string[] {
  return trees.map((tree) => {
    for (let attempt = 1;; attempt++) {
      try {
        return makeBelow(tree, path);
      } catch (error) {
        // Somebody has removed an empty parent at the same moment.
        const vanished = error instanceof KuasarError && error.cause instanceof Deno.errors.NotFound;
        if (!vanished || attempt >= MAKE_ATTEMPTS) throw error;
      }
    }
  });
}

function makeBelow({ root, version }: Hierarchy, path: string): string {
  let folder = root;
  for (const part of path.split("/").filter(Boolean)) {
    if (version === 2) handDown(folder);
    folder += `/${part}`;
    makeFolder(folder);
  }
  return folder;
}

/** A parent that has processes of its own refuses, and so does a controller that is not there: the cgroup is made without. */
function handDown(folder: string): void {
  for (const controller of V2_CONTROLLERS.split(" ")) {
    try {
      Deno.writeTextFileSync(`${folder}/cgroup.subtree_control`, controller);
    } catch {
      // See above.
    }
  }
}

function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder);
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return;
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot make the cgroup ${folder}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/**
 * Removes the folders of a cgroup whose processes have ended. Those that are gone are fine.
 *
 * @throws KuasarError FAILED_PRECONDITION naming the processes that are still in it
 */
export async function removeCgroup(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await removeFolder(folder);
}

/** Removes the folders of a cgroup where it is empty, which is no matter where it is not. */
export function removeEmptyCgroup(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      Deno.removeSync(folder);
    } catch {
      // In use, or gone.
    }
  }
}

async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      // A cgroup has files, which go with it: only rmdir will do.
      Deno.removeSync(folder);
      return;
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) return;
      if (attempt < REMOVE_ATTEMPTS) {
        await new Promise((resolve) => setTimeout(resolve, REMOVE_STEP_MS));
        continue;
      }
      const pids = processesIn(folder);
      const reason = pids === "" ? (cause as Error).message : `processes ${pids} are in it`;
      throw new KuasarError("FAILED_PRECONDITION", `Cannot remove the cgroup ${folder}: ${reason}`, {
        cause,
      });
    }
  }
}

function processesIn(folder: string): string {
  try {
    return Deno.readTextFileSync(`${folder}/cgroup.procs`).trim().replaceAll("\n", ", ");
  } catch {
    return "";
  }
}
