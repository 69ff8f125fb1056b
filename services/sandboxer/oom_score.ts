import { cgroupFolders, processesIn } from "../../lib/cgroups/mod.ts";
import { allowedOomScoreAdj, setOomScoreAdj } from "../../lib/process/mod.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { fromBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import { readSpec } from "./read_spec.ts";
import type { SandboxRecord } from "./record.ts";
import type { Sandbox } from "./sandbox.ts";

/** What containerd gives the pause container of a pod: what holds a pod together goes last (its `defaultSandboxOOMAdj`). */
const OF_AN_EMPTY_POD = -998;

/** What a process has that nobody has given another. */
const UNADJUSTED = 0;

/**
 * What the processes of a sandbox have without a container: its pod's own value, where there is one. A kubelet names none for pods:
 * then they keep what the last container had, as their memory is what the pod's containers have made of it.
 */
export function podOomScoreAdj({ podConfig, oomScoreAdj }: SandboxRecord): number {
  const { linux } = PodSandboxConfig.decode(fromBase64(podConfig));
  return allowedOomScoreAdj(Number(linux?.resources?.oomScoreAdj ?? 0n) || (oomScoreAdj ?? OF_AN_EMPTY_POD));
}

/** What a container's spec gives its processes; undefined where it cannot be read, which whoever runs it then tells. */
export function containerOomScoreAdj(bundle: string): number | undefined {
  try {
    return readSpec(bundle).process?.oomScoreAdj ?? UNADJUSTED;
  } catch {
    return undefined;
  }
}

/**
 * Gives the processes of a sandbox with a kernel of its own what the best protected of its containers has, as gVisor does it: the
 * host sees the containers' memory as theirs, and a kubelet tells a pod's class of service by its containers alone.
 */
export function followContainers({ registry, cgroupTrees, log }: Context, sandbox: Sandbox): void {
  const { id, record } = sandbox;
  if (record.onHost && !record.ownKernel) return;
  const values = registry.containers(id).map(({ oomScoreAdj }) => oomScoreAdj).filter((one) =>
    one !== undefined
  );
  const wanted = values.length === 0 ? podOomScoreAdj(record) : allowedOomScoreAdj(Math.min(...values));
  // Written down first: what is started meanwhile starts with it.
  if (wanted !== record.oomScoreAdj) sandbox.update({ oomScoreAdj: wanted });
  // Also where it is as before: runsc has values of its own when a container goes.
  const inCgroup = record.cgroup === undefined ? [] : processesIn(cgroupFolders(record.cgroup, cgroupTrees));
  const pids = inCgroup.length > 0 ? inCgroup : [record.pid].filter((pid) => pid > 0);
  const refused = pids.filter((pid) => !setOomScoreAdj(pid, wanted));
  log.debug("The sandbox follows its containers' oom_score_adj", { sandbox: id, value: wanted, refused });
}
