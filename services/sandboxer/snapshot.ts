import type { Context } from "./context.ts";
import { checkMachine } from "./machine.ts";
import type { Sandbox } from "./sandbox.ts";

/** All of a guest's memory is written. */
const SNAPSHOT_TIMEOUT_MS = 600_000;

/**
 * Writes the VM of a sandbox into an empty directory. Its containers stand still meanwhile and go on afterwards, also where
 * it fails.
 *
 * @throws FAILED_PRECONDITION where the sandbox does not run or cannot be written, UNIMPLEMENTED for a driver that cannot
 */
export async function snapshotSandbox(
  { peers, config }: Context,
  { id: sandboxId, record }: Sandbox,
  directory: string,
): Promise<void> {
  checkMachine(sandboxId, record, "write");
  try {
    await peers.machine(record.driver).snapshot({ sandboxId, directory }, { timeoutMs: SNAPSHOT_TIMEOUT_MS });
  } finally {
    await peers.driver(record.driver).resume({ sandboxId }, { timeoutMs: config.timeouts.peer_ms });
  }
}
