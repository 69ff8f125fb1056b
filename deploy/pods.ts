import { connectCri, message } from "../lib/cri/mod.ts";
import { ListPodSandboxRequest } from "../lib/proto/gen/runtime/v1/cri.ts";
import { driverOfHandler } from "./drivers.ts";

/** How long the removal of one pod may take. */
const REMOVE_TIMEOUT_MS = 60_000;

/**
 * Stops and removes every pod of our handlers in the containerd at `address`, as a kubelet would.
 *
 * @returns how many there were
 */
export async function removePods(address: string): Promise<number> {
  const cri = connectCri(address);
  try {
    const options = { timeoutMs: REMOVE_TIMEOUT_MS };
    const { items } = await cri.runtime.listPodSandbox(message(ListPodSandboxRequest), options);
    const ours = items.filter((pod) => driverOfHandler(pod.runtimeHandler));
    for (const { id } of ours) {
      await cri.runtime.stopPodSandbox({ podSandboxId: id }, options);
      await cri.runtime.removePodSandbox({ podSandboxId: id }, options);
    }
    return ours.length;
  } finally {
    cri.close();
  }
}
