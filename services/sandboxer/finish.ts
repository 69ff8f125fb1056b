import type { Context } from "./context.ts";
import { removeLocked } from "./remove.ts";
import type { Sandbox } from "./sandbox.ts";
import { stopLocked } from "./stop.ts";

/**
 * Brings a sandbox where its state says that it is going: from `stopping` to `stopped`, from `removing` away. Does nothing for
 * others, and where it is there already.
 *
 * @throws ABORTED when something is left over: it may be repeated, and the janitor does
 */
export async function finishSandbox(context: Context, sandbox: Sandbox): Promise<void> {
  await context.locks.run(sandbox.id, async () => {
    if (!context.registry.holds(sandbox)) return;
    if (sandbox.state === "stopping") await stopLocked(context, sandbox);
    if (sandbox.state === "removing") await removeLocked(context, sandbox);
  });
}

/** As {@link finishSandbox}, where nobody waits for it: what is left over is logged, and the janitor's. */
export async function finishInBackground(context: Context, sandbox: Sandbox): Promise<void> {
  await finishSandbox(context, sandbox).catch(() => {});
}
