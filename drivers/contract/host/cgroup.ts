import {
  allHierarchies,
  cgroupFolders,
  killCgroup,
  removeCgroupTree,
  removeEmptyCgroup,
} from "../../../lib/cgroups/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { exists } from "../../../lib/files/mod.ts";
import type { SandboxRecord } from "./record.ts";

/** Where the sandboxer puts pods that name no parent; nobody else is there. */
const DEFAULT_PARENT = "/kuasar";

/** Kills every process of a sandbox's containers. @throws KuasarError FAILED_PRECONDITION naming those that do not end */
export async function killContainers({ id, cgroup }: SandboxRecord): Promise<void> {
  if (cgroup === "") return;
  const pids = await killCgroup(cgroupFolders(cgroup, allHierarchies()));
  if (pids.length === 0) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot end sandbox ${id}: processes ${pids.join(", ")} do not end`,
  );
}

/**
 * The folders above a sandbox's cgroup that do not exist yet. Runtimes make a container's cgroup in more hierarchies than the
 * sandboxer has made the sandbox's, with all above it, and remove only the last part.
 */
export function missingParents(cgroup: string): string[] {
  const parents: string[] = [];
  for (let parent = up(cgroup); parent !== ""; parent = up(parent)) parents.push(parent);
  return parents.flatMap((parent) => cgroupFolders(parent, allHierarchies())).filter((folder) =>
    !exists(folder)
  );
}

/** Removes the cgroups of a sandbox in every hierarchy: its own, those of its containers, and what was made above it. */
export async function removeCgroups({ cgroup, madeCgroups }: SandboxRecord): Promise<void> {
  if (cgroup === "") return;
  const trees = allHierarchies();
  await removeCgroupTree(cgroupFolders(cgroup, trees));
  removeEmptyCgroup(madeCgroups);
  // Another sandbox's, where this one was not the first below it.
  if (up(cgroup) === DEFAULT_PARENT) removeEmptyCgroup(cgroupFolders(DEFAULT_PARENT, trees));
}

function up(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
