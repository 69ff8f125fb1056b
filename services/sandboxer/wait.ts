import { KuasarError } from "../../lib/errors/mod.ts";
import type { ControllerWaitResponse } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import type { Context } from "./context.ts";
import { toTimestamp } from "./time.ts";

/**
 * Answers when the sandbox has ended, at once where it has.
 *
 * @throws NOT_FOUND, CANCELLED when the caller has given up
 */
export function waitSandbox(
  { registry }: Context,
  id: string,
  cancelled: AbortSignal,
): Promise<ControllerWaitResponse> {
  const sandbox = registry.get(id);
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      forget();
      reject(new KuasarError("CANCELLED", `Cannot wait for sandbox ${id}: the caller has given up`));
    };
    const forget = sandbox.onExit(({ status, atMs }) => {
      cancelled.removeEventListener("abort", giveUp);
      resolve({ exitStatus: status, exitedAt: toTimestamp(atMs) });
    });
    if (cancelled.aborted) giveUp();
    else if (!sandbox.record.exit) cancelled.addEventListener("abort", giveUp, { once: true });
  });
}
