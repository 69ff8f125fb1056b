import { asKuasarError } from "../../../lib/errors/mod.ts";
import { type Cri, message } from "../../../lib/cri/mod.ts";
import {
  ContainerState,
  type ContainerStatus,
  ContainerStatusRequest,
} from "../../../lib/proto/gen/runtime/v1/cri.ts";

/** Nothing tells when a subscription is in place, and a containerd that restarts tells of nothing meanwhile. */
const LOOK_MS = 5_000;

/**
 * Waits until containerd says that a container has ended.
 *
 * @throws KuasarError NOT_FOUND where somebody has removed it, and what containerd answers
 */
export async function exitOf(cri: Cri, containerId: string): Promise<ContainerStatus> {
  const over = new AbortController();
  let wake = () => {};
  const listen = async () => {
    while (!over.signal.aborted) {
      try {
        const options = { timeoutMs: Infinity, signal: over.signal };
        for await (const event of cri.runtime.getContainerEvents({}, options)) {
          if (event.containerId === containerId) wake();
        }
      } catch {
        // It restarts, or cannot tell: what follows looks by itself.
      }
      if (!over.signal.aborted) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  void listen();
  try {
    while (true) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const status = await statusOf(cri, containerId);
      if (status?.state === ContainerState.CONTAINER_EXITED) return status;
      const timer = setTimeout(resolve, LOOK_MS);
      await promise;
      clearTimeout(timer);
    }
  } finally {
    over.abort();
  }
}

async function statusOf(cri: Cri, containerId: string): Promise<ContainerStatus | undefined> {
  try {
    return (await cri.runtime.containerStatus(message(ContainerStatusRequest, { containerId }))).status;
  } catch (error) {
    // It restarts.
    if (asKuasarError(error).code === "UNAVAILABLE") return undefined;
    throw error;
  }
}
