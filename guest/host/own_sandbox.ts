import { readOrigin } from "../shim/origin.ts";
import type { CallLimits } from "./call_limits.ts";
import type { Preparer } from "./prepare.ts";
import type { ContainerRecord } from "./record.ts";

/** Where nothing says which runtime is meant, the default driver is. */
const DEFAULT_RUNTIME = "io.containerd.kuasar-vmm.v2";

/**
 * Has a sandbox made for a task that names none; it has the task's id and goes when the task is released.
 *
 * @returns the sandbox's pid on the host
 * @throws KuasarError what the sandboxer answers
 */
export async function createOwnSandbox(
  preparer: Preparer,
  { id, bundle }: ContainerRecord,
  limits: CallLimits,
): Promise<number> {
  const runtime = readOrigin(bundle)?.runtime || DEFAULT_RUNTIME;
  const { sandboxPid } = await preparer.call(
    limits,
    (client, callMs) => client.createStandalone({ sandboxId: id, runtime, bundle }, { timeoutMs: callMs }),
  );
  return sandboxPid;
}
