import { cleanUp, type CleanupStep } from "../../../lib/cleanup/mod.ts";
import { killProcess } from "../../../lib/process/mod.ts";
import type { Control } from "./control.ts";
import type { VmHost } from "./host.ts";
import type { Machine } from "./machine.ts";
import { stopMachine } from "./stop.ts";

/**
 * Ends a VM if need be and takes away everything that is left of it. May be repeated.
 *
 * @throws {KuasarError} ABORTED where something stays behind; the record stays too, so that it can be tried again
 */
export async function removeMachine<C extends Control>(host: VmHost<C>, machine: Machine<C>): Promise<void> {
  await cleanUp(`sandbox ${machine.id}`, removalSteps(host, machine));
  host.records.delete(machine.id);
}

function removalSteps<C extends Control>(host: VmHost<C>, machine: Machine<C>): CleanupStep[] {
  return [
    { name: "end the VMM", run: () => stopMachine(machine, 0) },
    { name: "end the helpers", run: () => endHelpers(host, machine) },
    { name: "close the control", run: () => machine.control?.close() },
    { name: "close the console", run: () => machine.console?.close() },
    {
      name: "leave the logs alone",
      run: () => {
        for (const log of [machine.paths.vmmLog, machine.paths.vsockLog]) host.logKeeper.release(log);
      },
    },
    { name: "remove the directory", run: () => removeDirectory(machine.paths.dir) },
  ];
}

/** Ends the VM's helpers and waits for them. Those that are gone are fine. */
export async function endHelpers<C extends Control>(host: VmHost<C>, machine: Machine<C>): Promise<void> {
  await Promise.all((machine.record.helpers ?? []).map(async ({ ref }) => {
    const gone = host.watcher.watch(ref);
    killProcess(ref, "SIGKILL");
    await gone;
  }));
}

async function removeDirectory(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
