import { KuasarError } from "../../../lib/errors/mod.ts";
import { killProcess } from "../../../lib/process/mod.ts";
import { settledWithin } from "../deadline.ts";
import type { Control } from "./control.ts";
import type { Machine } from "./machine.ts";

/** A VMM that was asked to exit does so as soon as its main loop runs. */
const QUIT_TIMEOUT_MS = 1_000;
/** A killed process is gone when the kernel has torn down its memory. */
const KILL_TIMEOUT_MS = 10_000;

/**
 * Ends a VM: by itself within `graceMs`, else by its control, else by SIGKILL. Answers when it has ended; one that
 * has ended already is fine.
 *
 * @throws {KuasarError} DEADLINE_EXCEEDED where even SIGKILL does not end it
 */
export async function stopMachine<C extends Control>(machine: Machine<C>, graceMs: number): Promise<void> {
  machine.abort.abort();
  await machine.starting;
  const { vmm } = machine.record;
  if (vmm === undefined) return;
  if (graceMs > 0 && await settledWithin(machine.ended, graceMs)) return;
  if (machine.control) {
    // The answer may be lost with the connection; the exit is what counts.
    machine.control.quit().catch(() => {});
    if (await settledWithin(machine.ended, QUIT_TIMEOUT_MS)) return;
  }
  killProcess(vmm, "SIGKILL");
  if (await settledWithin(machine.ended, KILL_TIMEOUT_MS)) return;
  throw new KuasarError(
    "DEADLINE_EXCEEDED",
    `Cannot end the VMM of sandbox ${machine.id}: process ${vmm.pid} does not react to SIGKILL`,
  );
}
