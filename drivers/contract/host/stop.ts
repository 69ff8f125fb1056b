import { killContainers } from "./cgroup.ts";
import { endSandbox } from "./exit.ts";
import type { SandboxHost } from "./host.ts";
import { endPause } from "./pause.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * Ends a sandbox and whatever still runs in it. Its containers have been stopped by whoever stops the pod; there is nothing
 * else that could be asked to end. Idempotent.
 */
export async function stopSandbox(host: SandboxHost, sandbox: Sandbox): Promise<void> {
  sandbox.abort.abort();
  await sandbox.starting;
  if (sandbox.record.exit) return;
  await endProcesses(host, sandbox);
  endSandbox(host, sandbox, 0);
}

/** Ends every process of a sandbox. Idempotent. */
export async function endProcesses(host: SandboxHost, sandbox: Sandbox): Promise<void> {
  await killContainers(sandbox.record);
  await host.kind.stop?.(sandbox.record, sandbox.paths);
  await endPause(host, sandbox);
}
