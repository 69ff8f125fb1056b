import { abortStart } from "./abort_start.ts";
import type { Context } from "./context.ts";
import { removeLocked } from "./remove.ts";
import { endLocked } from "./stop.ts";

/**
 * Removes a sandbox for good; one that still runs is ended first.
 *
 * @throws NOT_FOUND, or ABORTED when something is left over: the call may be repeated
 */
export async function shutdownSandbox(context: Context, id: string): Promise<void> {
  const sandbox = context.registry.get(id);
  abortStart(sandbox, "it is being removed");
  await context.locks.run(id, async () => {
    if (!context.registry.holds(sandbox)) return;
    await endLocked(context, sandbox);
    await removeLocked(context, sandbox);
  });
}
