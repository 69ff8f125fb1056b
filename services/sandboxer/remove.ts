import { cleanSandbox } from "./cleanup_steps.ts";
import type { Context } from "./context.ts";
import type { Sandbox } from "./sandbox.ts";

/** Exit status of a sandbox that was removed before anybody saw it end. */
const KILLED = 137;

/**
 * Takes a sandbox away and forgets it: the one way in which any is. Does nothing where it is gone; that its id may be the
 * next one's by now is why it is told by the object, and why the caller holds the lock of the id.
 *
 * @throws ABORTED when something is left over: it may be repeated, and the janitor does
 */
export async function removeLocked(context: Context, sandbox: Sandbox): Promise<void> {
  const { registry, log } = context;
  if (!registry.holds(sandbox)) return;
  if (sandbox.state !== "removing") sandbox.move("removing");
  await cleanSandbox(context, sandbox);
  sandbox.watchAbort?.abort();
  sandbox.noteExit({ status: KILLED, atMs: Date.now() });
  registry.forget(sandbox);
  log.info("Removed", { sandbox: sandbox.id });
}
