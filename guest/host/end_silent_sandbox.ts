import { log } from "../runtime/log.ts";
import { within } from "../runtime/deadline.ts";
import type { UnansweredError } from "./answer_times.ts";
import type { Preparer } from "./prepare.ts";
import type { SandboxLink } from "./sandbox_link.ts";

/** The sandboxer ends a VM by SIGKILL; it may be starting itself. */
const END_TIMEOUT_MS = 20_000;

/**
 * Has the sandboxer end a sandbox whose guest has not answered a kill or a delete, and waits for its end.
 *
 * @throws KuasarError UNAVAILABLE, DEADLINE_EXCEEDED where that fails
 */
export async function endSilentSandbox(
  preparer: Preparer,
  { sandboxId, died }: SandboxLink,
  { message: reason }: UnansweredError,
): Promise<void> {
  log.error("ending a sandbox whose guest does not answer", { sandbox: sandboxId, reason });
  const asked = preparer.callShared(
    { timeoutMs: END_TIMEOUT_MS },
    (client, callMs) => client.endSandbox({ sandboxId, reason }, { timeoutMs: callMs }),
  );
  const ended = asked.then(() => within(END_TIMEOUT_MS, `see the end of sandbox ${sandboxId}`, died));
  ended.catch(() => {});
  // At its end, not when all is cleaned: by then containerd has deleted the container and closed the connection of this call.
  await Promise.race([died, ended]);
}
