import { asKuasarError } from "../../lib/errors/mod.ts";
import { isAlive, killProcess } from "../../lib/process/mod.ts";
import { ConsolePump } from "../contract/console_pump.ts";
import { nowMs } from "../contract/phases.ts";
import { strayProcesses } from "../contract/stray_processes.ts";
import { evidence, superviseExit, superviseHelper, UNKNOWN_STATUS } from "./exit.ts";
import type { Host } from "./host.ts";
import { readSlots } from "./hotplug.ts";
import { fromWaitStatus } from "./launch.ts";
import { Machine, type MachineRecord } from "./machine.ts";
import { QmpClient } from "./qmp.ts";
import { removeMachine } from "./remove.ts";

/** A monitor that does not answer within this time is taken for hung; the VM is adopted without it. */
const MONITOR_TIMEOUT_MS = 3_000;

/**
 * Takes over what an earlier driver process has left: running VMs are adopted, starts that were cut off are undone,
 * VMs that ended meanwhile are kept as stopped until they are removed.
 */
export async function adoptMachines(host: Host): Promise<Machine[]> {
  const machines = await Promise.all(host.records.entries().map(([id, record]) => adopt(host, id, record)));
  return machines.filter((machine) => machine !== undefined);
}

async function adopt(host: Host, id: string, record: MachineRecord): Promise<Machine | undefined> {
  const machine = new Machine(host.driverDir, id, record);
  if (record.state === "STARTING") {
    await undoStart(host, machine);
    return undefined;
  }
  if (record.state === "STOPPED") return machine;
  const { vmm } = record;
  if (vmm === undefined || !isAlive(vmm)) {
    if (record.helper) killProcess(record.helper, "SIGKILL");
    machine.end({ status: UNKNOWN_STATUS, atMs: nowMs(), evidence: await evidence(machine) });
    host.records.put(id, machine.record);
    host.log.warn("VM ended while no driver ran", { sandbox: id });
    return machine;
  }
  await reconnect(host, machine);
  const ended = host.watcher.watch(vmm)
    .then(({ exitStatus }) => exitStatus === undefined ? undefined : fromWaitStatus(exitStatus));
  void superviseExit(host, machine, ended);
  void superviseHelper(host, machine);
  host.log.info("Adopted a VM", { sandbox: id, pid: vmm.pid });
  return machine;
}

async function reconnect(host: Host, machine: Machine): Promise<void> {
  try {
    const qmp = await QmpClient.connect(machine.paths.monitor, MONITOR_TIMEOUT_MS);
    machine.useMonitor(qmp);
    const { status } = await qmp.execute("query-status", {}, MONITOR_TIMEOUT_MS);
    // What QEMU says wins over what was written down.
    machine.record.state = status === "paused" ? "PAUSED" : "RUNNING";
    await readSlots(qmp, machine.slots);
  } catch (error) {
    host.log.error("Cannot reach the monitor of an adopted VM", { sandbox: machine.id, error });
  }
  try {
    machine.console = await ConsolePump.connect(machine.paths.consoleSocket, machine.paths.console);
  } catch (error) {
    host.log.warn("Cannot read the console of an adopted VM", { sandbox: machine.id, error });
  }
}

async function undoStart(host: Host, machine: Machine): Promise<void> {
  for (const ref of strayProcesses(machine.paths.dir)) {
    const gone = host.watcher.watch(ref);
    killProcess(ref, "SIGKILL");
    await gone;
  }
  // They are dead; nobody is left to be waited for.
  const { vmm: _vmm, helper: _helper, ...rest } = machine.record;
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
