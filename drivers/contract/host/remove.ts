import { cleanUp, type CleanupStep } from "../../../lib/cleanup/mod.ts";
import { unmountBelow } from "../../../lib/mounts/mod.ts";
import { killProcess } from "../../../lib/process/mod.ts";
import { strayProcesses } from "../stray_processes.ts";
import { removeCgroups } from "./cgroup.ts";
import { endSandbox } from "./exit.ts";
import type { SandboxHost } from "./host.ts";
import type { Sandbox } from "./sandbox.ts";
import { endProcesses } from "./stop.ts";

/**
 * Ends a sandbox if need be and takes away everything that is left of it. May be repeated.
 *
 * @throws KuasarError ABORTED where something stays behind; the record stays too, so that it can be tried again
 */
export async function removeSandbox(host: SandboxHost, sandbox: Sandbox): Promise<void> {
  sandbox.abort.abort();
  await sandbox.starting;
  await cleanUp(`sandbox ${sandbox.id}`, removalSteps(host, sandbox));
  host.records.delete(sandbox.id);
}

function removalSteps(host: SandboxHost, sandbox: Sandbox): CleanupStep[] {
  const { record, paths } = sandbox;
  return [
    { name: "end its processes", run: () => endProcesses(host, sandbox) },
    { name: "end processes of a start that was cut off", run: () => endStrays(host, sandbox) },
    { name: "say that it has ended", run: () => endSandbox(host, sandbox, 0) },
    { name: "remove the cgroups", run: () => removeCgroups(record) },
    { name: "unmount", run: () => void unmountBelow(paths.dir) },
    { name: "remove the directory", run: () => removeDirectory(paths.dir) },
  ];
}

/** Only a start that was cut off can have left a process that is in no record. */
async function endStrays({ watcher }: SandboxHost, { record, paths }: Sandbox): Promise<void> {
  if (record.state !== "STARTING") return;
  for (const ref of strayProcesses(paths.dir)) {
    const gone = watcher.watch(ref);
    killProcess(ref, "SIGKILL");
    await gone;
  }
}

function removeDirectory(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
