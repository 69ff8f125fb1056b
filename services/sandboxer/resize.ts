import type { ResizeResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Context } from "./context.ts";
import { withGuest } from "./guest.ts";
import { checkMachine } from "./machine.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * Gives a sandbox other vCPUs and memory and lets the guest bring them online.
 *
 * @param wanted 0 leaves it as it is
 * @returns what the sandbox has then, vCPUs as the guest counts them
 * @throws FAILED_PRECONDITION where it does not run, UNIMPLEMENTED for a driver that cannot, RESOURCE_EXHAUSTED beyond
 * the room that the VM was started with
 */
export async function resizeSandbox(
  { peers, config }: Context,
  sandbox: Sandbox,
  wanted: { vcpus: number; memoryMib: bigint },
): Promise<ResizeResponse> {
  const { id, record } = sandbox;
  checkMachine(id, record, "resize");
  const timeoutMs = config.timeouts.peer_ms;
  const now = await peers.machine(record.driver).resize({ sandboxId: id, ...wanted }, { timeoutMs });
  sandbox.update({ memoryMib: Number(now.memoryMib) });
  if (wanted.vcpus === 0) return now;
  const { cpus } = await withGuest(record.guest, timeoutMs, ({ guest }) => guest.online({ cpus: now.vcpus }));
  return { ...now, vcpus: cpus };
}
