import { asKuasarError } from "../../lib/errors/mod.ts";
import type { EndSandboxRequest } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Context } from "./context.ts";
import type { Sandbox } from "./sandbox.ts";

/** Why a VM is ended although nobody has asked for it. */
export interface GivenUp {
  reason: string;
  evidence: string[];
}

/** Ends a VM that is of no use any more. The pod then ends as with any other death of its VM, for this reason. */
export async function giveUp(
  { peers, config, log }: Context,
  sandbox: Sandbox,
  why: GivenUp,
  signal?: AbortSignal,
): Promise<void> {
  const { id, record } = sandbox;
  sandbox.givenUp ??= why;
  log.error("Ending a VM that is of no use", { sandbox: id, ...why });
  try {
    await peers.driver(record.driver).stop({ sandboxId: id, graceMs: 0 }, {
      timeoutMs: config.timeouts.peer_ms,
      ...(signal && { signal }),
    });
  } catch (error) {
    if (!signal?.aborted) log.error("Cannot end a VM", { sandbox: id, error: asKuasarError(error) });
  }
}

/** Ends a VM, or a sandbox with a kernel of its own, that has not answered the task server. One that is gone, or is going, is fine. */
export async function endSandbox(context: Context, { sandboxId, reason }: EndSandboxRequest): Promise<void> {
  const sandbox = context.registry.find(sandboxId);
  if (sandbox?.state !== "ready" || sandbox.record.onHost && !sandbox.record.ownKernel) return;
  context.metrics.silent(sandbox.record.driver);
  await giveUp(context, sandbox, { reason, evidence: [] });
}
