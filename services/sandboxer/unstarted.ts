import type { Context } from "./context.ts";
import { finishInBackground } from "./finish.ts";
import type { Sandbox } from "./sandbox.ts";

/** So many times within the limit it is looked who is over it. */
const LOOKS = 4;

/** True for a sandbox that nobody will start any more: containerd starts right after Create, or has been cut off there. */
export function isForgotten({ config }: Context, { state, record }: Sandbox): boolean {
  return state === "created" && Date.now() - record.createdAtMs >= config.timeouts.created_ms;
}

/** Removes, again and again, what was created and never started. @returns ends it, when nothing is under way */
export function removeUnstarted(context: Context): () => Promise<void> {
  const running = new Set<Promise<void>>();
  const look = () => {
    for (const sandbox of context.registry.all()) {
      if (!isForgotten(context, sandbox)) continue;
      const removal = remove(context, sandbox).finally(() => running.delete(removal));
      running.add(removal);
    }
  };
  const timer = setInterval(look, context.config.timeouts.created_ms / LOOKS);
  return async () => {
    clearInterval(timer);
    await Promise.all(running);
  };
}

async function remove(context: Context, sandbox: Sandbox): Promise<void> {
  const { id } = sandbox;
  await context.locks.run(id, () => {
    // It may have been started, or removed, while this waited for its turn.
    if (!context.registry.holds(sandbox) || !isForgotten(context, sandbox)) return Promise.resolve();
    context.log.warn("Removing a sandbox that was never started", { sandbox: id });
    sandbox.move("removing", { reason: "it was created and not started" });
    sandbox.noteExit({ status: 255, atMs: Date.now() });
    return Promise.resolve();
  });
  if (sandbox.state === "removing") await finishInBackground(context, sandbox);
}
