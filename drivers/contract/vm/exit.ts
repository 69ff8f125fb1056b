import { asKuasarError } from "../../../lib/errors/mod.ts";
import { killProcess } from "../../../lib/process/mod.ts";
import { settledWithin } from "../deadline.ts";
import { nowMs } from "../phases.ts";
import { tailFile } from "../tail.ts";
import type { Control, LastWords } from "./control.ts";
import type { VmHost } from "./host.ts";
import type { SandboxExit } from "../sandbox_exit.ts";
import type { Machine } from "./machine.ts";
import { endHelpers } from "./remove.ts";
import { fromWaitStatus } from "./spawn.ts";

/** SandboxExit status where nobody can know it: the VM of an earlier driver process. */
export const UNKNOWN_STATUS = 255;

/** SandboxExit status where the VMM ended well and its guest did not. */
const CRASHED_STATUS = 1;

/** Of a process that its filter of system calls has ended: SIGSYS. */
const DENIED_CALL_STATUS = 128 + 31;

/** What the VMM wrote before it died is in the socket already; reading it takes no longer. */
const DRAIN_TIMEOUT_MS = 500;

/** A kernel panic with its trace has about 26 lines, the first of which tells most; all together fit an error. */
const CONSOLE_LINES = 28;
const VMM_LINES = 7;
const HELPER_LINES = 4;

/**
 * Waits for the end of a VM, then notes it: evidence is collected, helpers are ended, the record is written.
 *
 * @param exitStatus settles with the status of the VMM, undefined where it cannot be known
 */
export async function superviseExit<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  exitStatus: Promise<number | undefined>,
): Promise<void> {
  const known = await exitStatus.catch(() => undefined);
  const atMs = nowMs();
  machine.exiting = true;
  if (machine.control) await settledWithin(machine.control.closed, DRAIN_TIMEOUT_MS);
  const status = statusOf(known, machine.control?.lastWords);
  if (machine.console) await settledWithin(machine.console.drained, DRAIN_TIMEOUT_MS);
  await endHelpers(host, machine).catch((error) => {
    host.log.error("Cannot end the helpers of a VM", {
      sandbox: machine.id,
      error: asKuasarError(error).message,
    });
  });
  const exit: SandboxExit = { status, atMs, evidence: await evidence(host, machine) };
  machine.control?.close();
  machine.end(exit);
  // A start that fails removes the record itself.
  if (host.records.get(machine.id)?.state !== undefined) host.records.put(machine.id, machine.record);
  host.log.info("VM ended", { sandbox: machine.id, status: exit.status });
}

/**
 * The status to tell of an end.
 *
 * @param known of the VMM's process; undefined where nobody can know it
 * @param lastWords what the VMM gave as the reason before it exited
 */
export function statusOf(known: number | undefined, lastWords: LastWords | undefined): number {
  // Whatever a VMM shuts down for, it then exits with 0; only a crash or a kill of it comes unannounced.
  const status = known ?? (lastWords === undefined ? UNKNOWN_STATUS : 0);
  // A guest resets itself when its kernel has panicked; for the VMM that is an end like any other.
  return status === 0 && lastWords?.crashed ? CRASHED_STATUS : status;
}

/** A VM without its vsock is of no use to anybody: when a helper dies, the VM is ended with a word on why. */
export async function superviseHelpers<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
): Promise<void> {
  const { helpers = [], vmm } = machine.record;
  if (vmm === undefined) return;
  await Promise.all(helpers.map(async ({ name, ref }) => {
    const { exitStatus } = await host.watcher.watch(ref);
    if (machine.exiting) return;
    const what = `${name} ended before its VM${howEnded(exitStatus)}`;
    host.log.error(what, { sandbox: machine.id, pid: ref.pid });
    await Deno.writeTextFile(machine.paths.vsockLog, `${what}\n`, { append: true })
      .catch(() => {});
    killProcess(vmm, "SIGKILL");
  }));
}

/** @param waitStatus undefined where nobody can know it */
function howEnded(waitStatus: number | undefined): string {
  if (waitStatus === undefined) return "";
  const status = fromWaitStatus(waitStatus);
  return status === DENIED_CALL_STATUS
    ? ": it made a system call that it is not allowed"
    : `, status ${status}`;
}

/** The last lines of everything that may say why a VM ended or does not start. */
export async function evidence<C extends Control>(host: VmHost<C>, machine: Machine<C>): Promise<string[]> {
  const { paths, control } = machine;
  const marked = async (mark: string, path: string, count: number) =>
    (await tailFile(path, count).catch(() => [])).map((line) => `${mark}: ${line}`);
  const reason = control?.lastWords?.reason;
  return [
    ...(reason === undefined ? [] : [`vmm: ${host.hypervisor.title} shut down: ${reason}`]),
    ...await marked("vmm", paths.vmmLog, VMM_LINES),
    ...await marked("vsock", paths.vsockLog, HELPER_LINES),
    ...await marked("console", paths.console, CONSOLE_LINES),
  ];
}
