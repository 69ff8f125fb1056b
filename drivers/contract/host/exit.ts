import { nowMs } from "../phases.ts";
import { orphanExit } from "./orphan_exit.ts";
import type { SandboxHost } from "./host.ts";
import type { Sandbox } from "./sandbox.ts";

/** 128 + SIGKILL: nothing else ends the process of a PID namespace. */
const KILLED = 137;

/** Where nobody tells how the sandbox's process has ended. */
const UNKNOWN = 255;

/** Notes the end of a sandbox that has a process; one without ends only when it is stopped. */
export function superviseExit(host: SandboxHost, sandbox: Sandbox): void {
  const { process } = sandbox;
  if (!process) return;
  void orphanExit(process, host.watcher, () => sandbox.record.state === "RUNNING").then(async (known) => {
    if (sandbox.record.state !== "RUNNING") return;
    const { status, evidence } = await reasonOf(host, sandbox, known);
    endSandbox(host, sandbox, status, evidence);
  }, (error) => host.log.error("Cannot watch a sandbox", { sandbox: sandbox.id, error }));
}

/** @param known exit status where the kernel tells it */
async function reasonOf({ kind, log }: SandboxHost, { id, record, paths }: Sandbox, known?: number) {
  if (!record.process) {
    return { status: KILLED, evidence: ["the first process of its PID namespace was killed"] };
  }
  const evidence = await kind.lastWords?.(record, paths).catch((error) => {
    log.warn("Cannot find out why a sandbox ended", { sandbox: id, error });
    return [];
  });
  return { status: known ?? UNKNOWN, evidence: evidence ?? [] };
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
