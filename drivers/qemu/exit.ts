import { asKuasarError } from "../../lib/errors/mod.ts";
import { killProcess } from "../../lib/process/mod.ts";
import { settledWithin } from "../contract/deadline.ts";
import { nowMs } from "../contract/phases.ts";
import { tailFile } from "../contract/tail.ts";
import type { Host } from "./host.ts";
import type { Exit, Machine } from "./machine.ts";
import { endHelper } from "./remove.ts";

/** Exit status where nobody can know it: the VM of an earlier driver process. */
export const UNKNOWN_STATUS = 255;

/** Exit status where QEMU ended well and its guest did not. */
const CRASHED_STATUS = 1;

/** What QEMU wrote before it died is in the socket already; reading it takes no longer. */
const DRAIN_TIMEOUT_MS = 500;

/** A kernel panic with its trace has about 26 lines, the first of which tells most; all together fit an error. */
const CONSOLE_LINES = 28;
const VMM_LINES = 7;
const VSOCK_LINES = 4;

/**
 * Waits for the end of a VM, then notes it: evidence is collected, the helper ended, the record written.
 *
 * @param exitStatus settles with the status of the VMM, undefined where it cannot be known
 */
export async function superviseExit(
  host: Host,
  machine: Machine,
  exitStatus: Promise<number | undefined>,
): Promise<void> {
  const known = await exitStatus.catch(() => undefined);
  const atMs = nowMs();
  machine.exiting = true;
  if (machine.qmp) await settledWithin(machine.qmp.closed, DRAIN_TIMEOUT_MS);
  const status = statusOf(known, machine.shutdownReason);
  if (machine.console) await settledWithin(machine.console.drained, DRAIN_TIMEOUT_MS);
  await endHelper(host, machine).catch((error) => {
    host.log.error("Cannot end vhost-device-vsock", {
      sandbox: machine.id,
      error: asKuasarError(error).message,
    });
  });
  const exit: Exit = { status, atMs, evidence: await evidence(machine) };
  machine.qmp?.close();
  machine.end(exit);
  // A start that fails removes the record itself.
  if (host.records.get(machine.id)?.state !== undefined) host.records.put(machine.id, machine.record);
  host.log.info("VM ended", { sandbox: machine.id, status: exit.status });
}

/**
 * The status to tell of an end.
 *
 * @param known of the QEMU process; undefined where nobody can know it
 * @param shutdownReason what QEMU gave as its reason before it exited
 */
export function statusOf(known: number | undefined, shutdownReason: string | undefined): number {
  // Whatever QEMU shuts down for, it then exits with 0; only a crash or a kill of QEMU comes unannounced.
  const status = known ?? (shutdownReason === undefined ? UNKNOWN_STATUS : 0);
  // A guest resets itself when its kernel has panicked; for QEMU that is an end like any other.
  const crashed = shutdownReason === "guest-reset" || shutdownReason === "guest-panic";
  return status === 0 && crashed ? CRASHED_STATUS : status;
}

/** A VM without its vsock is of no use to anybody: when the helper dies, the VM is ended with a word on why. */
export async function superviseHelper(host: Host, machine: Machine): Promise<void> {
  const { helper, vmm } = machine.record;
  if (helper === undefined || vmm === undefined) return;
  await host.watcher.watch(helper);
  if (machine.exiting) return;
  host.log.error("vhost-device-vsock ended before its VM", { sandbox: machine.id, pid: helper.pid });
  await Deno.writeTextFile(machine.paths.vsockLog, "vhost-device-vsock ended before its VM\n", {
    append: true,
  })
    .catch(() => {});
  killProcess(vmm, "SIGKILL");
}

/** The last lines of everything that may say why a VM ended or does not start. */
export async function evidence(machine: Machine): Promise<string[]> {
  const { paths } = machine;
  const marked = async (mark: string, path: string, count: number) =>
    (await tailFile(path, count).catch(() => [])).map((line) => `${mark}: ${line}`);
  const { shutdownReason } = machine;
  return [
    ...(shutdownReason === undefined ? [] : [`vmm: QEMU shut down: ${shutdownReason}`]),
    ...await marked("vmm", paths.vmmLog, VMM_LINES),
    ...await marked("vsock", paths.vsockLog, VSOCK_LINES),
    ...await marked("console", paths.console, CONSOLE_LINES),
  ];
}
