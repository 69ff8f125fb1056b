import { cleanUp, type CleanupStep } from "../../lib/cleanup/mod.ts";
import { killProcess } from "../../lib/process/mod.ts";
import type { Host } from "./host.ts";
import type { Machine } from "./machine.ts";
import { stopMachine } from "./stop.ts";

/**
 * Ends a VM if need be and takes away everything that is left of it. May be repeated.
 *
 * @throws {KuasarError} ABORTED where something stays behind; the record stays too, so that it can be tried again
 */
export async function removeMachine(host: Host, machine: Machine): Promise<void> {
  await cleanUp(`sandbox ${machine.id}`, removalSteps(host, machine));
  host.records.delete(machine.id);
}

function removalSteps(host: Host, machine: Machine): CleanupStep[] {
  return [
    { name: "end the VMM", run: () => stopMachine(machine, 0) },
    { name: "end vhost-device-vsock", run: () => endHelper(host, machine) },
    { name: "close the monitor", run: () => machine.qmp?.close() },
    { name: "close the console", run: () => machine.console?.close() },
    { name: "remove the directory", run: () => removeDirectory(machine.paths.dir) },
  ];
}

/** Ends the VM's vhost-device-vsock and waits for it. One that is gone is fine. */
export async function endHelper(host: Host, machine: Machine): Promise<void> {
  const { helper } = machine.record;
  if (helper === undefined) return;
  const gone = host.watcher.watch(helper);
  killProcess(helper, "SIGKILL");
  await gone;
}

async function removeDirectory(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
