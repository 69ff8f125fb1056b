import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import type { StartRequest, StartResponse } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { connectGuest, GUEST_PORT } from "../../../lib/transport/mod.ts";
import { settledWithin, withDeadline } from "../deadline.ts";
import { nowMs, PhaseClock } from "../phases.ts";
import { listenHybrid, type Readiness } from "../readiness.ts";
import { reserveCid } from "./cid.ts";
import type { Control } from "./control.ts";
import { DescriptorSet } from "./descriptor_set.ts";
import { evidence, superviseExit, superviseHelpers } from "./exit.ts";
import type { VmHost } from "./host.ts";
import type { Launch, Snapshot } from "./hypervisor.ts";
import type { SandboxExit } from "../sandbox_exit.ts";
import type { Machine } from "./machine.ts";
import { preflight } from "./preflight.ts";
import { seal } from "./reveal.ts";
import { removeMachine } from "./remove.ts";
import { exitStatus } from "./spawn.ts";
import { ownedBy, userFor } from "./user.ts";

/** Of one attempt to reach the agent of a restored guest. */
const ATTEMPT_MS = 1_000;
const RETRY_MS = 5;

/** A VMM that closes its control is about to exit. */
const EXIT_AFTER_CONTROL_MS = 2_000;

/**
 * Starts a VM and answers when its agent serves. On failure everything is undone before this throws.
 *
 * @param snapshot what the guest comes from; undefined boots one
 * @throws {KuasarError} with the last lines of the VMM and the console as evidence
 */
export async function startMachine<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  request: StartRequest,
  snapshot?: Snapshot,
): Promise<StartResponse> {
  const clock = new PhaseClock();
  try {
    await clock.measure("preflight", () => preflight(host.hypervisor.requirements(request)));
    machine.cgroups = request.cgroups;
    machine.oomScoreAdj = request.oomScoreAdj;
    if (!host.hypervisor.ownSockets) {
      const taken = host.records.entries().flatMap(([, { user }]) => user ?? []);
      machine.record.user = userFor(machine.id, new Set(taken));
    }
    host.records.put(machine.id, machine.record);
    await Deno.mkdir(machine.paths.vmDir, { mode: 0o700, recursive: true });
    ownedBy(machine.record.user ?? 0, machine.paths.vmDir);
    const pid = await launchAndWait(host, machine, request, clock, snapshot);
    // It may have ended in the very moment in which it became ready.
    if (machine.record.exit) throw endedEarly(host, machine.record.exit);
    machine.record = { ...machine.record, state: "RUNNING" };
    host.records.put(machine.id, machine.record);
    return { pid, guest: machine.guest, phases: clock.list() };
  } catch (error) {
    // Whatever the removal took away under its feet: the reason is the removal.
    const reason = machine.abort.signal.aborted ? givenUp(error) : error;
    throw await undo(host, machine, asKuasarError(reason, "Cannot start the VM"));
  }
}

async function launchAndWait<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  request: StartRequest,
  clock: PhaseClock,
  snapshot: Snapshot | undefined,
): Promise<number> {
  const { hypervisor } = host;
  const launch: Launch<C> = {
    host,
    machine,
    request,
    snapshot,
    clock,
    kernelVsock: undefined,
    inherited: new DescriptorSet(),
    held: new DescriptorSet(),
  };
  let readiness: Readiness | undefined;
  const began = nowMs();
  try {
    readiness = listenForGuest(launch);
    const vmm = await hypervisor.launch(launch);
    // At once: a socket that the driver held too would not tell when the VMM is gone.
    launch.inherited.close();
    void superviseExit(host, machine, vmm.exited.then(exitStatus));
    void superviseHelpers(host, machine);
    const booting = nowMs();
    await untilReady(launch, readiness);
    clock.add("boot", booting, nowMs());
    clock.add("start", began, nowMs());
    return vmm.pid;
  } finally {
    readiness?.close();
    launch.inherited.close();
    launch.held.close();
  }
}

function listenForGuest<C extends Control>(launch: Launch<C>): Readiness {
  const { host, machine, inherited } = launch;
  if (host.hypervisor.vsock === "hybrid") {
    const { paths: { readiness }, record: { user } } = machine;
    const listener = listenHybrid(readiness);
    if (user !== undefined) ownedBy(user, readiness);
    return listener;
  }
  const { cid, fd } = reserveCid();
  const vhostFd = inherited.add(fd);
  const secret = newSecret();
  machine.record = { ...machine.record, cid, secret };
  const readiness = host.kernelReadiness.listen(cid, secret);
  launch.kernelVsock = { cid, vhostFd, secretPort: readiness.port };
  return readiness;
}

/** 32 random bytes in hexadecimal. */
function newSecret(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toHex();
}

/** Waits for the control and the guest, unless the VM ends or the start is given up. */
async function untilReady<C extends Control>(launch: Launch<C>, readiness: Readiness): Promise<void> {
  const { host, machine, clock } = launch;
  const ended = machine.ended.then((exit): never => {
    throw endedEarly(host, exit);
  });
  const aborted = new Promise<never>((_, reject) => {
    const fail = () => reject(givenUp());
    if (machine.abort.signal.aborted) fail();
    machine.abort.signal.addEventListener("abort", fail, { once: true });
  });
  const control = clock.measure("control", () => host.hypervisor.connect(launch)).then(
    (connected) => {
      machine.control = connected;
      const { vmm } = machine.record;
      if (vmm) seal(vmm, machine.trees);
      // Given up while it was being connected: nobody else would close it.
      if (machine.record.exit) connected.close();
    },
    async (error) => {
      // Where a VMM refuses its arguments the control goes first; the exit is the better story. A refusal over the
      // control (ABORTED) is a story of its own.
      const told = error instanceof KuasarError && error.code === "ABORTED";
      if (!told && await settledWithin(machine.ended, EXIT_AFTER_CONTROL_MS)) await ended;
      throw error;
    },
  );
  for (const promise of [ended, aborted, control]) promise.catch(() => {});
  // A guest that does not boot has been ready long since, and says nothing: it is asked.
  const ready = launch.snapshot
    ? control.then(() => untilServing(machine, host.hypervisor.bootTimeoutMs))
    : readiness.ready;
  ready.catch(() => {});
  await withDeadline(
    Promise.race([Promise.all([control, ready]), ended, aborted]),
    host.hypervisor.bootTimeoutMs,
    launch.snapshot ? "start the VM: reach the agent" : "start the VM: hear READY from the guest",
  );
}

/** Tries until the agent of a restored guest takes a connection. */
async function untilServing<C extends Control>(machine: Machine<C>, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    try {
      const stream = await connectGuest(machine.guest, GUEST_PORT.services, { timeoutMs: ATTEMPT_MS });
      return stream.close();
    } catch (error) {
      // vsock refuses by closing, and tells nobody when somebody listens.
      if (performance.now() > end || machine.abort.signal.aborted || machine.exiting) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function givenUp(cause?: unknown): KuasarError {
  return new KuasarError("ABORTED", "Cannot start the VM: it was stopped meanwhile", { cause });
}

function endedEarly<C extends Control>(host: VmHost<C>, { status, evidence }: SandboxExit): KuasarError {
  const { title } = host.hypervisor;
  const message = `Cannot start the VM: ${title} ended with status ${status} before the guest was ready`;
  return new KuasarError("ABORTED", message, { evidence });
}

async function undo<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  error: KuasarError,
): Promise<KuasarError> {
  const lines = error.evidence.length > 0 ? error.evidence : await evidence(host, machine);
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
