import { asKuasarError } from "../../../lib/errors/mod.ts";
import type { Control } from "./control.ts";
import type { VmHost } from "./host.ts";
import type { Machine } from "./machine.ts";

/** A VMM answers within milliseconds; a host that is too busy for this is given several more chances by whoever asks. */
const PROBE_TIMEOUT_MS = 10_000;

/**
 * Asks the control of a VMM whether it answers. One that could not be reached when its driver was started is tried again.
 *
 * @returns why it has not answered; empty where it has, or where the VM has ended
 */
export async function probe<C extends Control>(
  { hypervisor }: VmHost<C>,
  machine: Machine<C>,
): Promise<string> {
  const isUp = () => ["RUNNING", "PAUSED"].includes(machine.record.state) && !machine.exiting;
  if (!isUp()) return "";
  try {
    const control = machine.control ??= (await hypervisor.reconnect(machine)).control;
    await control.probe(PROBE_TIMEOUT_MS);
    return "";
  } catch (error) {
    const { code, message } = asKuasarError(error);
    // Any other word is an answer.
    return isUp() && (code === "DEADLINE_EXCEEDED" || code === "UNAVAILABLE") ? message : "";
  }
}
