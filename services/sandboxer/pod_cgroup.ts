import {
  cgroupFolders,
  cgroupPath,
  makeCgroup,
  removeCgroup,
  removeEmptyCgroup,
} from "../../lib/cgroups/mod.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { fromBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import type { SandboxRecord } from "./record.ts";
import type { Sandbox } from "./sandbox.ts";

/** The parent of pods that name none. */
const DEFAULT_PARENT = "/kuasar";

/** The cgroup that a kubelet has made for a pod; empty where the pod names none. @throws INVALID_ARGUMENT */
export function parentCgroup({ podConfig }: SandboxRecord): string {
  return cgroupPath(PodSandboxConfig.decode(fromBase64(podConfig)).linux?.cgroupParent ?? "");
}

/**
 * Makes the cgroup of a sandbox's processes on the host, below the one that the kubelet has made for the pod: its limits,
 * which include the RuntimeClass's overhead, then hold for them, and what they use is the pod's.
 *
 * A host that lets nobody make cgroups is no obstacle to a pod that asks for none.
 *
 * @returns its folders, one per hierarchy
 * @throws INVALID_ARGUMENT for a bad `cgroup_parent`, FAILED_PRECONDITION where the kernel refuses
 */
export function makePodCgroup({ cgroupTrees, log }: Context, sandbox: Sandbox): string[] {
  const { id } = sandbox.record;
  const parent = parentCgroup(sandbox.record);
  const cgroup = `${parent || DEFAULT_PARENT}/kuasar_${id}`;
  // Written down first, so that a start that is cut off leaves none.
  sandbox.update({ cgroup });
  try {
    return makeCgroup(cgroup, cgroupTrees);
  } catch (error) {
    if (parent !== "") throw error;
    log.warn("The sandbox has no cgroup", { sandbox: id, error });
    return [];
  }
}

/** Removes it again. @throws FAILED_PRECONDITION while a process is in it */
export async function removePodCgroup({ cgroupTrees }: Context, { cgroup }: SandboxRecord): Promise<void> {
  if (cgroup === undefined) return;
  await removeCgroup(cgroupFolders(cgroup, cgroupTrees));
  if (cgroup.startsWith(`${DEFAULT_PARENT}/`)) removeEmptyCgroup(cgroupFolders(DEFAULT_PARENT, cgroupTrees));
}
