import { KuasarError } from "../../lib/errors/mod.ts";
import type { QmpEvent } from "../contract/qmp/client.ts";
import type { QemuMonitor } from "./qmp_commands.ts";

/** The guest has to look at its bus and let go of the device; a busy one needs a moment. */
const UNPLUG_TIMEOUT_MS = 10_000;

/**
 * Takes a device out of a running guest and answers when the guest has let go of it. One that is not there is fine.
 *
 * @param what the device in messages: `disk d1`
 * @throws {KuasarError} DEADLINE_EXCEEDED or FAILED_PRECONDITION where the guest keeps it; may be repeated
 */
export async function unplug(qmp: QemuMonitor, id: string, what: string): Promise<void> {
  const answer = qmp.expect((event) => isAnswer(event, id), UNPLUG_TIMEOUT_MS, `take out ${what}`);
  try {
    await qmp.execute("device_del", { id });
    const event = await answer.arrived;
    if (event.event !== "DEVICE_DELETED") {
      throw new KuasarError("FAILED_PRECONDITION", `Cannot take out ${what}: the guest refuses`);
    }
  } catch (error) {
    // A removal that came through after an earlier deadline.
    if (!(error instanceof KuasarError && error.code === "NOT_FOUND")) throw error;
  } finally {
    answer.cancel();
  }
}

function isAnswer({ event, data }: QmpEvent, id: string): boolean {
  return (event === "DEVICE_DELETED" || event === "DEVICE_UNPLUG_GUEST_ERROR") && data.device === id;
}
