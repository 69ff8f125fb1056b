import { constants } from "node:os";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { type ChildExit, type SpawnedProcess, spawnWithFds } from "../../../lib/process/mod.ts";
import { SANDBOX_VARIABLE } from "../stray_processes.ts";
import { jailRoot, shown, type View } from "./jail_root.ts";
import { seal } from "./reveal.ts";
import { RELAY, type Rights } from "./rights.ts";
import { ownedBy } from "./user.ts";
import { waitForFile } from "../wait_for_file.ts";
import type { Control } from "./control.ts";
import type { VmHost } from "./host.ts";
import type { Machine } from "./machine.ts";

/** A VMM that is to be started. */
export interface VmmCommand {
  /** The path of the program. */
  command: string;
  args: readonly string[];
  /** What it finds from 3 on. */
  fds: readonly number[];
  /** Where it runs. @default a network namespace with nothing in it */
  netns?: string;
  rights: Rights;
  /** What it sees of the host. */
  view: View;
}

/**
 * Starts a VM's VMM, notes it in the record and answers when it runs. Its output goes to `vmm.log`.
 *
 * @throws {KuasarError}
 */
export async function spawnVmm<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  { command, args, fds, netns = host.netns.path, rights, view }: VmmCommand,
): Promise<SpawnedProcess> {
  const { title } = host.hypervisor;
  host.log.debug(`Starting ${title}`, { sandbox: machine.id, command: [command, ...args].join(" ") });
  const vmm = await spawnForSandbox(host, machine, command, args, {
    fds,
    logFile: machine.paths.vmmLog,
    netns,
    rights,
    view,
  });
  machine.record.vmm = vmm.ref;
  machine.trees = view.always.filter(({ access }) => access === "tree").map(({ path }) => path);
  host.records.put(machine.id, machine.record);
  return vmm;
}

/** A program that a VM needs besides its VMM. */
export interface HelperCommand {
  /** For messages: `vhost-device-vsock`. */
  name: string;
  command: string;
  args: readonly string[];
  /** The socket by which it shows that it serves. */
  socket: string;
}

/** Starts a helper, notes it in the record and answers when its socket is there. @throws {KuasarError} */
export async function spawnHelper<C extends Control>(
  host: VmHost<C>,
  machine: Machine<C>,
  { name, command, args, socket }: HelperCommand,
): Promise<SpawnedProcess> {
  const helper = await spawnForSandbox(host, machine, command, args, {
    fds: [],
    logFile: machine.paths.vsockLog,
    netns: host.netns.path,
    rights: RELAY,
    view: { always: shown("write", [machine.paths.vmDir]), atStart: [] },
    user: machine.record.user,
  });
  machine.record.helpers = [...machine.record.helpers ?? [], { name, ref: helper.ref }];
  host.records.put(machine.id, machine.record);
  const ended = new AbortController();
  void helper.exited.then(() => ended.abort());
  const signal = AbortSignal.any([ended.signal, machine.abort.signal]);
  try {
    // Within milliseconds, but on a busy host; it is a part of the boot.
    await waitForFile(socket, host.hypervisor.bootTimeoutMs, signal);
    seal(helper.ref, []);
    // The VMM's, which may be another user without a right to others' files.
    ownedBy(0, socket);
    return helper;
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    const status = exitStatus(await helper.exited);
    throw new KuasarError("ABORTED", `Cannot start the VM: ${name} ended with status ${status}`, {
      cause: error,
    });
  }
}

/** The vhost-user backend by which a guest's vsock reaches the sockets of {@link Machine.paths}. */
export function vhostDeviceVsock<C extends Control>(machine: Machine<C>, command: string): HelperCommand {
  const { paths } = machine;
  return {
    name: "vhost-device-vsock",
    command,
    args: ["--guest-cid", "3", "--socket", paths.vhostSocket, "--uds-path", paths.vsock],
    socket: paths.vhostSocket,
  };
}

interface SpawnPlace {
  fds: readonly number[];
  logFile: string;
  netns: string;
  rights: Rights;
  view: View;
  user?: number | undefined;
}

async function spawnForSandbox<C extends Control>(
  { hypervisor, logKeeper, programs }: VmHost<C>,
  machine: Machine<C>,
  command: string,
  args: readonly string[],
  { fds, logFile, netns, rights, view, user }: SpawnPlace,
): Promise<SpawnedProcess> {
  logKeeper.keep(logFile);
  const root = jailRoot(view, await programs.of(command));
  return await spawnWithFds(command, args, {
    fds,
    cwd: view.cwd ?? machine.paths.dir,
    env: { PATH: "/usr/bin:/bin", [SANDBOX_VARIABLE]: machine.paths.dir },
    stdoutFile: logFile,
    stderrFile: logFile,
    netns,
    cgroups: machine.cgroups,
    oomScoreAdj: machine.oomScoreAdj,
    // Helpers map it, too.
    noCore: true,
    jail: {
      launcher: hypervisor.launcherPath,
      ...rights,
      root,
      ...(user !== undefined && { user }),
    },
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
