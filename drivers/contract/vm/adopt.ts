import { asKuasarError } from "../../../lib/errors/mod.ts";
import { isAlive, killProcess } from "../../../lib/process/mod.ts";
import { ConsolePump } from "../console_pump.ts";
import { nowMs } from "../phases.ts";
import { strayProcesses } from "../stray_processes.ts";
import type { Control } from "./control.ts";
import { evidence, superviseExit, superviseHelpers, UNKNOWN_STATUS } from "./exit.ts";
import type { VmHost } from "./host.ts";
import { Machine, type MachineRecord } from "./machine.ts";
import { removeMachine } from "./remove.ts";
import { fromWaitStatus } from "./spawn.ts";

/**
 * Takes over what an earlier driver process has left: running VMs are adopted, starts that were cut off are undone,
 * VMs that ended meanwhile are kept as stopped until they are removed.
 */
export async function adoptMachines<C extends Control>(host: VmHost<C>): Promise<Machine<C>[]> {
  const machines = await Promise.all(host.records.entries().map(([id, record]) => adopt(host, id, record)));
  return machines.filter((machine) => machine !== undefined);
}

async function adopt<C extends Control>(
  host: VmHost<C>,
  id: string,
  record: MachineRecord,
): Promise<Machine<C> | undefined> {
  const machine = new Machine<C>(host.driverDir, id, host.hypervisor, record);
  if (record.state === "STARTING") {
    await undoStart(host, machine);
    return undefined;
  }
  if (record.state === "STOPPED") return machine;
  const { vmm } = record;
  if (vmm === undefined || !isAlive(vmm)) {
    for (const { ref } of record.helpers ?? []) killProcess(ref, "SIGKILL");
    machine.end({ status: UNKNOWN_STATUS, atMs: nowMs(), evidence: await evidence(host, machine) });
    host.records.put(id, machine.record);
    host.log.warn("VM ended while no driver ran", { sandbox: id });
    return machine;
  }
  for (const log of [machine.paths.vmmLog, machine.paths.vsockLog]) host.logKeeper.keep(log);
  await reconnect(host, machine);
  const ended = host.watcher.watch(vmm)
    .then(({ exitStatus }) => exitStatus === undefined ? undefined : fromWaitStatus(exitStatus));
  void superviseExit(host, machine, ended);
  void superviseHelpers(host, machine);
  host.log.info("Adopted a VM", { sandbox: id, pid: vmm.pid });
  return machine;
}

async function reconnect<C extends Control>(host: VmHost<C>, machine: Machine<C>): Promise<void> {
  try {
    const { control, state } = await host.hypervisor.reconnect(machine);
    machine.control = control;
    // What the VMM says wins over what was written down.
    machine.record.state = state;
  } catch (error) {
    host.log.error("Cannot reach the control of an adopted VM", { sandbox: machine.id, error });
  }
  try {
    machine.console = await ConsolePump.connect(machine.paths.consoleSocket, machine.paths.console);
  } catch (error) {
    host.log.warn("Cannot read the console of an adopted VM", { sandbox: machine.id, error });
  }
}

async function undoStart<C extends Control>(host: VmHost<C>, machine: Machine<C>): Promise<void> {
  for (const ref of strayProcesses(machine.paths.dir)) {
    const gone = host.watcher.watch(ref);
    killProcess(ref, "SIGKILL");
    await gone;
  }
  // They are dead; nobody is left to be waited for.
  const { vmm: _vmm, helpers: _helpers, ...rest } = machine.record;
  machine.record = rest;
  try {
    await removeMachine(host, machine);
    host.log.warn("Undid a start that was cut off", { sandbox: machine.id });
  } catch (error) {
    host.log.error("Cannot undo a start that was cut off", {
      sandbox: machine.id,
      error: asKuasarError(error),
    });
  }
}
