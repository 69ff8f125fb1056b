import type { ControllerStatusResponse } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import type { Context } from "./context.ts";
import { sandboxInfo } from "./info.ts";
import { TASK_VERSION, taskAddress } from "./task_address.ts";
import { toTimestamp } from "./time.ts";

/**
 * Tells how a sandbox is, from what is stored: containerd asks at every event, so nobody else is asked.
 *
 * @throws NOT_FOUND, also after Shutdown
 */
export function sandboxStatus(
  { registry, runDir }: Context,
  id: string,
  verbose: boolean,
): ControllerStatusResponse {
  const sandbox = registry.get(id);
  const { state, pid, createdAtMs, exit } = sandbox.record;
  const ready = state === "ready";
  return {
    sandboxId: id,
    pid: ready ? pid : 0,
    // Any other text counts as not ready.
    state: ready ? "SANDBOX_READY" : "SANDBOX_NOTREADY",
    info: verbose ? { info: JSON.stringify(sandboxInfo(registry, sandbox)) } : {},
    createdAt: toTimestamp(createdAtMs),
    exitedAt: exit ? toTimestamp(exit.atMs) : undefined,
    extra: undefined,
    address: taskAddress(runDir),
    version: TASK_VERSION,
  };
}
