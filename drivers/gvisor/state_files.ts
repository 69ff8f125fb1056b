import { unmountBelow } from "../../lib/mounts/mod.ts";

/** An empty network namespace that runsc 2026 and newer keeps mounted in its root, for whatever needs no network. */
const NULL_NETNS = "null-netns";

/** Below this name a container's writes are kept in its own root file system. */
const FILESTORE = /^\.gvisor\.filestore\./;

/** True for a file that runsc keeps in its root for a sandbox or a container in it. */
export function isStateFile(name: string, rootId: string): boolean {
  return name === `runsc-${rootId}.sock` || name.endsWith(`_sandbox:${rootId}.state`) ||
    name.endsWith(`_sandbox:${rootId}.lock`);
}

/** Removes what runsc knows of a sandbox whose processes are dead: asking it to would take longer, and may fail. */
export function removeState(root: string, rootId: string): void {
  for (const name of names(root)) if (isStateFile(name, rootId)) remove(`${root}/${name}`);
}

/**
 * Takes away what runsc keeps for the next sandbox, when there is no other: nobody could remove the directory of a mount. It
 * makes a new one when it wants one and there is none.
 *
 * @throws KuasarError FAILED_PRECONDITION for a mount that stays
 */
export function removeKeptNetns(root: string): void {
  const left = names(root);
  if (!left.includes(NULL_NETNS) || left.some((name) => name.endsWith(".state"))) return;
  unmountBelow(`${root}/${NULL_NETNS}`);
  remove(`${root}/${NULL_NETNS}`);
}

/** Removes the hidden files of a root file system: the next sandbox with the same id would refuse to start. */
export function removeFilestores(directory: string): void {
  for (const name of names(directory)) if (FILESTORE.test(name)) remove(`${directory}/${name}`);
}

function names(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
