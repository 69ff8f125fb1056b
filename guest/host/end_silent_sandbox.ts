import { asKuasarError } from "../../lib/errors/mod.ts";
import { log } from "../runtime/log.ts";
import { within } from "../runtime/deadline.ts";
import { SURVIVED_KILL_MS } from "./answer_times.ts";
import type { HostContainer } from "./container.ts";
import type { Preparer } from "./prepare.ts";
import type { SandboxLink } from "./sandbox_link.ts";

/** The sandboxer ends a VM by SIGKILL; it may be starting itself. */
const END_TIMEOUT_MS = 20_000;

/** Containers whose end is waited for. */
const killed = new WeakSet<HostContainer>();

/**
 * Sees to it that a container whose guest has taken a SIGKILL for it does end: if need be with its sandbox. A process that waits for
 * a file server that stands still is ended by no signal.
 */
export async function endUnlessGone(preparer: Preparer, container: HostContainer): Promise<void> {
  if (killed.has(container)) return;
  killed.add(container);
  const { link, init, record } = container;
  try {
    await within(SURVIVED_KILL_MS, `end ${record.id}: its guest has taken SIGKILL for it`, init.wait());
  } catch (error) {
    const { message } = asKuasarError(error);
    await endSilentSandbox(preparer, link, { message }).catch((error) => {
      log.error("cannot end a sandbox with a container that cannot be killed", {
        container: record.id,
        error,
      });
    });
  } finally {
    killed.delete(container);
  }
}

/**
 * Has the sandboxer end a sandbox whose guest has not answered a kill or a delete, and waits for its end.
 *
 * @throws KuasarError UNAVAILABLE, DEADLINE_EXCEEDED where that fails
 */
export async function endSilentSandbox(
  preparer: Preparer,
  { sandboxId, died }: SandboxLink,
  { message: reason }: { readonly message: string },
): Promise<void> {
  log.error("ending a sandbox that does not do what it was asked", { sandbox: sandboxId, reason });
  const asked = preparer.callShared(
    { timeoutMs: END_TIMEOUT_MS },
    (client, callMs) => client.endSandbox({ sandboxId, reason }, { timeoutMs: callMs }),
  );
  const ended = asked.then(() => within(END_TIMEOUT_MS, `see the end of sandbox ${sandboxId}`, died));
  ended.catch(() => {});
  // At its end, not when all is cleaned: by then containerd has deleted the container and closed the connection of this call.
  await Promise.race([died, ended]);
}
