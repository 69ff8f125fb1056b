import { abortStart } from "./abort_start.ts";
import { cleanSandbox } from "./cleanup_steps.ts";
import type { Context } from "./context.ts";
import { stopLocked } from "./stop.ts";

/**
 * Removes a sandbox for good; one that still runs is stopped first.
 *
 * @throws NOT_FOUND, or ABORTED when something is left over: the call may be repeated
 */
export async function shutdownSandbox(context: Context, id: string): Promise<void> {
  const sandbox = context.registry.get(id);
  abortStart(sandbox, "it is being removed");
  await context.locks.run(id, async () => {
    if (context.registry.find(id) !== sandbox) return;
    if (sandbox.state !== "removing") await stopLocked(context, sandbox);
    if (sandbox.state !== "removing") sandbox.move("removing");
    await cleanSandbox(context, sandbox);
    context.registry.delete(id);
    context.log.info("Removed", { sandbox: id });
  });
}
