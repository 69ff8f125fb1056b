import { constants } from "node:os";
import { KuasarError } from "../../lib/errors/mod.ts";
import { closeFd, listenUnixFd } from "../../lib/libc/mod.ts";
import { type ChildExit, type SpawnedProcess, spawnWithFds } from "../../lib/process/mod.ts";
import { SANDBOX_VARIABLE } from "../contract/stray_processes.ts";
import { waitForFile } from "../contract/wait_for_file.ts";
import { buildArguments } from "./command_line.ts";
import type { Host } from "./host.ts";
import type { LaunchPlan } from "./launch_plan.ts";
import type { Machine } from "./machine.ts";

/** vhost-device-vsock makes its socket within milliseconds; a busy host needs more. */
const HELPER_TIMEOUT_MS = 10_000;

/** The listening sockets that QEMU inherits. The driver connects to them before QEMU runs. */
export interface ListeningSockets {
  monitorFd: number;
  consoleFd: number;
  /** Closes the driver's copies. May be repeated. */
  close(): void;
}

/** Makes the sockets of the monitor and the console. @throws {KuasarError} */
export function makeSockets(machine: Machine): ListeningSockets {
  const monitorFd = listenUnixFd(machine.paths.monitor);
  let consoleFd: number;
  try {
    consoleFd = listenUnixFd(machine.paths.consoleSocket);
  } catch (error) {
    closeFd(monitorFd);
    throw error;
  }
  let open = true;
  const close = () => {
    if (open) [monitorFd, consoleFd].forEach(closeFd);
    open = false;
  };
  return { monitorFd, consoleFd, close };
}

/** Starts vhost-device-vsock for a VM and answers when its socket is there. @throws {KuasarError} */
export async function launchHelper(host: Host, machine: Machine): Promise<SpawnedProcess> {
  const { paths } = machine;
  const args = ["--guest-cid", "3", "--socket", paths.vhostSocket, "--uds-path", paths.vsock];
  const helper = await spawn(host, machine, host.config.vhostDeviceVsockPath, args, [], paths.vsockLog);
  machine.record.helper = helper.ref;
  host.records.put(machine.id, machine.record);
  const ended = new AbortController();
  void helper.exited.then(() => ended.abort());
  const signal = AbortSignal.any([ended.signal, machine.abort.signal]);
  try {
    await waitForFile(paths.vhostSocket, HELPER_TIMEOUT_MS, signal);
    return helper;
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    const status = exitStatus(await helper.exited);
    throw new KuasarError("ABORTED", `Cannot start the VM: vhost-device-vsock ended with status ${status}`, {
      cause: error,
    });
  }
}

/** Starts QEMU. `fds` are those that the plan names, from 3 on. @throws {KuasarError} */
export async function launchVmm(
  host: Host,
  machine: Machine,
  plan: LaunchPlan,
  fds: readonly number[],
): Promise<SpawnedProcess> {
  const args = buildArguments(plan);
  host.log.debug("Starting QEMU", {
    sandbox: machine.id,
    command: [host.config.qemuPath, ...args].join(" "),
  });
  const vmm = await spawn(host, machine, host.config.qemuPath, args, fds, machine.paths.vmmLog);
  machine.record.vmm = vmm.ref;
  host.records.put(machine.id, machine.record);
  return vmm;
}

function spawn(
  host: Host,
  machine: Machine,
  command: string,
  args: string[],
  fds: readonly number[],
  logFile: string,
): Promise<SpawnedProcess> {
  return spawnWithFds(command, args, {
    fds,
    cwd: machine.paths.dir,
    env: { PATH: "/usr/bin:/bin", [SANDBOX_VARIABLE]: machine.paths.dir },
    stdoutFile: logFile,
    stderrFile: logFile,
    netns: host.netns.path,
  });
}

/** The exit status of a child as the contract counts it. */
export function exitStatus({ code, signal }: ChildExit): number | undefined {
  if (code !== null) return code;
  const number = constants.signals[signal as keyof typeof constants.signals];
  return number === undefined ? undefined : 128 + number;
}

/** A wait status (wait(2)) as the contract counts it. */
export function fromWaitStatus(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
