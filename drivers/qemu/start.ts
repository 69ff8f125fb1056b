import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { closeFd } from "../../lib/libc/mod.ts";
import type { StartRequest, StartResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ConsolePump } from "../contract/console_pump.ts";
import { settledWithin, withDeadline } from "../contract/deadline.ts";
import { nowMs, PhaseClock } from "../contract/phases.ts";
import { listenHybrid, type Readiness } from "../contract/readiness.ts";
import { openTap } from "../contract/tap.ts";
import { reserveCid } from "./cid.ts";
import { evidence, superviseExit, superviseHelper } from "./exit.ts";
import type { Host } from "./host.ts";
import { exitStatus, launchHelper, launchVmm, type ListeningSockets, makeSockets } from "./launch.ts";
import type { VsockPlan } from "./launch_plan.ts";
import type { Exit, Machine } from "./machine.ts";
import { planLaunch } from "./plan.ts";
import { preflight } from "./preflight.ts";
import { QmpClient } from "./qmp.ts";
import { removeMachine } from "./remove.ts";

/** The first fd that a program inherits. */
const FIRST_FD = 3;
/** The monitor's and the console's come first. */
const INHERITED_SOCKETS = 2;

/** A QEMU that closes its monitor is about to exit. */
const EXIT_AFTER_MONITOR_MS = 2_000;

/**
 * Starts a VM and answers when its agent serves. On failure everything is undone before this throws.
 *
 * @throws {KuasarError} with the last lines of the VMM and the console as evidence
 */
export async function startMachine(
  host: Host,
  machine: Machine,
  request: StartRequest,
): Promise<StartResponse> {
  const clock = new PhaseClock();
  try {
    await clock.measure("preflight", () => preflight(host, request));
    host.records.put(machine.id, machine.record);
    await Deno.mkdir(machine.paths.dir, { mode: 0o700, recursive: true });
    const pid = await launchAndWait(host, machine, request, clock);
    // It may have ended in the very moment in which it became ready.
    if (machine.record.exit) throw endedEarly(machine.record.exit);
    machine.record = { ...machine.record, state: "RUNNING" };
    host.records.put(machine.id, machine.record);
    return { pid, guest: machine.guest, phases: clock.list() };
  } catch (error) {
    throw await undo(host, machine, asKuasarError(error, "Cannot start the VM"));
  }
}

async function launchAndWait(
  host: Host,
  machine: Machine,
  request: StartRequest,
  clock: PhaseClock,
): Promise<number> {
  const fds: number[] = [];
  let sockets: ListeningSockets | undefined;
  let readiness: Readiness | undefined;
  const began = nowMs();
  // As soon as QEMU has them: a socket that the driver held too would not tell when QEMU is gone.
  const release = () => {
    sockets?.close();
    fds.splice(INHERITED_SOCKETS).forEach(closeFd);
  };
  try {
    sockets = makeSockets(machine);
    fds.push(sockets.monitorFd, sockets.consoleFd);
    let vsock: VsockPlan = { kind: "hybrid", socket: machine.paths.vhostSocket };
    if (host.kernelVsock) {
      const { cid, fd } = reserveCid();
      fds.push(fd);
      machine.record.cid = cid;
      vsock = { kind: "kernel", cid, vhostFd: FIRST_FD + fds.length - 1 };
      readiness = host.kernelReadiness.listen(cid);
    } else {
      readiness = listenHybrid(machine.paths.readiness);
    }
    const helper = host.kernelVsock ? undefined : clock.measure("vsock", () => launchHelper(host, machine));
    helper?.catch(() => {});
    const nicFds = request.nics.map((nic) => {
      const queues = openTap(nic);
      const first = FIRST_FD + fds.length;
      fds.push(...queues);
      return queues.map((_, i) => first + i);
    });
    // Both connections wait in their queues until QEMU takes them.
    machine.console = await ConsolePump.connect(machine.paths.consoleSocket, machine.paths.console);
    await helper;
    const plan = planLaunch(request, host.config, host.accel.accel, {
      monitorFd: FIRST_FD,
      consoleFd: FIRST_FD + 1,
      vsock,
      nicFds,
    });
    machine.abort.signal.throwIfAborted();
    const vmm = await clock.measure("spawn", () => launchVmm(host, machine, plan, fds));
    release();
    void superviseExit(host, machine, vmm.exited.then(exitStatus));
    void superviseHelper(host, machine);
    const booting = nowMs();
    await untilReady(host, machine, readiness, clock);
    clock.add("boot", booting, nowMs());
    clock.add("start", began, nowMs());
    return vmm.pid;
  } finally {
    readiness?.close();
    release();
  }
}

/** Waits for the monitor and the guest, unless the VM ends or the start is given up. */
async function untilReady(
  host: Host,
  machine: Machine,
  readiness: Readiness,
  clock: PhaseClock,
): Promise<void> {
  const ended = machine.ended.then((exit): never => {
    throw endedEarly(exit);
  });
  const aborted = new Promise<never>((_, reject) => {
    const fail = () => reject(new KuasarError("ABORTED", "Cannot start the VM: it was stopped meanwhile"));
    if (machine.abort.signal.aborted) fail();
    machine.abort.signal.addEventListener("abort", fail, { once: true });
  });
  const connect = () => QmpClient.connect(machine.paths.monitor, host.config.bootTimeoutMs);
  const monitor = clock.measure("monitor", connect).then(
    (client) => machine.useMonitor(client),
    async (error) => {
      // Where QEMU refuses its arguments the monitor goes first; the exit is the better story.
      if (await settledWithin(machine.ended, EXIT_AFTER_MONITOR_MS)) await ended;
      throw error;
    },
  );
  for (const promise of [ended, aborted, monitor]) promise.catch(() => {});
  await withDeadline(
    Promise.race([Promise.all([monitor, readiness.ready]), ended, aborted]),
    host.config.bootTimeoutMs,
    "start the VM: hear READY from the guest",
  );
}

function endedEarly({ status, evidence }: Exit): KuasarError {
  const message = `Cannot start the VM: QEMU ended with status ${status} before the guest was ready`;
  return new KuasarError("ABORTED", message, { evidence });
}

async function undo(host: Host, machine: Machine, error: KuasarError): Promise<KuasarError> {
  const lines = error.evidence.length > 0 ? error.evidence : await evidence(machine);
  try {
    // Not through removeMachine's own wait for this very start.
    machine.starting = Promise.resolve();
    await removeMachine(host, machine);
  } catch (leftover) {
    host.log.error("A failed start left something behind", {
      sandbox: machine.id,
      error: leftover,
      evidence: asKuasarError(leftover).evidence,
    });
  }
  return new KuasarError(error.code, error.message, { cause: error, evidence: lines });
}
