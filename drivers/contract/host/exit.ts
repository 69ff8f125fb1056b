import { nowMs } from "../phases.ts";
import type { SandboxHost } from "./host.ts";
import type { Sandbox } from "./sandbox.ts";

/** 128 + SIGKILL: nothing else ends the process of a PID namespace. */
const KILLED = 137;

/** Notes the end of a sandbox that has a process; one without ends only when it is stopped. */
export function superviseExit(host: SandboxHost, sandbox: Sandbox): void {
  const { pause } = sandbox.record;
  if (!pause) return;
  void host.watcher.watch(pause).then(() => {
    if (sandbox.record.state !== "RUNNING") return;
    endSandbox(host, sandbox, KILLED, ["the first process of its PID namespace was killed"]);
  }, (error) => host.log.error("Cannot watch a sandbox", { sandbox: sandbox.id, error }));
}

/** Writes down that a sandbox has ended and tells those who wait. */
export function endSandbox(
  { records, log }: SandboxHost,
  sandbox: Sandbox,
  status: number,
  evidence: string[] = [],
): void {
  if (sandbox.record.exit) return;
  sandbox.end({ status, atMs: nowMs(), evidence });
  if (records.get(sandbox.id) !== undefined) records.put(sandbox.id, sandbox.record);
  log.info("Sandbox ended", { sandbox: sandbox.id, status, evidence });
}
