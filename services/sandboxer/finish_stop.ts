import type { Context } from "./context.ts";
import type { Sandbox } from "./sandbox.ts";
import { stopLocked } from "./stop.ts";

/** Brings a sandbox from `stopping` to `stopped`; repeated in the background until it succeeds. */
export async function finishStop(context: Context, sandbox: Sandbox): Promise<void> {
  const finish = () =>
    context.locks.run(sandbox.id, async () => {
      if (sandbox.state === "stopping") await stopLocked(context, sandbox);
    });
  try {
    await finish();
  } catch {
    // Logged and stored as leftovers.
    context.janitor.later(sandbox.id, finish);
  }
}
