import { dirname } from "node:path";
import { closeFd, listenUnixFd } from "../../lib/libc/mod.ts";
import {
  exitWithin,
  isAlive,
  type ProcessRef,
  processRef,
  spawnWithFds,
  terminate,
} from "../../lib/process/mod.ts";
import { type Environment } from "./environment.ts";
import { type SandboxPaths } from "./paths.ts";
import { type VirtiofsdSettings } from "./settings.ts";

/** The listening socket is handed over as the first descriptor after stderr. */
const SOCKET_FD = 3;
/** How long virtiofsd may take to end by itself. It holds no data back, so little is enough. */
const GRACE_MS = 1000;
/** The child in its own PID namespace goes when the parent is gone; the kernel needs a moment. */
const STRAY_DEADLINE_MS = 2000;
/** How much of the log is shown when the daemon ends. */
const LOG_TAIL_BYTES = 2048;

/** The command line of virtiofsd for one share. */
export function virtiofsdArguments(settings: VirtiofsdSettings, sharedDir: string): string[] {
  return [
    ...["--shared-dir", sharedDir],
    ...["--fd", String(SOCKET_FD)],
    // Own mount, PID and network namespaces with the share as root: a link in the share leads nowhere else.
    ...["--sandbox", "namespace"],
    ...["--seccomp", "kill"],
    // Each rootfs and volume is a mount: without this two of them could show the guest the same inode number.
    "--announce-submounts",
    ...["--cache", settings.cache],
    ...["--thread-pool-size", String(settings.thread_pool_size)],
    ...["--log-level", settings.log_level],
    // With killpriv-v2 the guest need not ask for capabilities before every write.
    ...(settings.xattr ? ["--xattr", "--killpriv-v2"] : []),
    ...settings.extra_args,
  ];
}

/** How the processes of a sandbox start. */
export interface DaemonPlace {
  /** Folders of the cgroup in which they do. */
  cgroups: readonly string[];
  oomScoreAdj: number | undefined;
}

/** A daemon that was started, or adopted. */
export interface Daemon {
  ref: ProcessRef;
  /** Resolves when it has ended: with how it failed ("code 1", "signal SIGKILL"), undefined when all went well. */
  ended: Promise<string | undefined>;
}

/**
 * Starts virtiofsd on a socket that listens already, so that a VMM may connect at once. It outlives this process.
 *
 * @throws NOT_FOUND without the program
 */
export async function startVirtiofsd(
  settings: VirtiofsdSettings,
  paths: SandboxPaths,
  place: DaemonPlace,
): Promise<Daemon> {
  removeFile(paths.socket);
  Deno.mkdirSync(dirname(paths.socket), { recursive: true, mode: 0o700 });
  const socket = listenUnixFd(paths.socket, 0o600);
  try {
    const { ref, exited } = await spawnWithFds(settings.path, virtiofsdArguments(settings, paths.shared), {
      fds: [socket],
      cwd: "/",
      stdoutFile: paths.log,
      stderrFile: paths.log,
      ...place,
      // It maps the guest's memory.
      noCore: true,
    });
    const ended = exited.then(({ code, signal }) =>
      code === 0 ? undefined : signal ? `signal ${signal}` : `code ${code}`
    );
    return { ref, ended };
  } finally {
    closeFd(socket);
  }
}

/** A daemon that a former self of this process has started. */
export function adoptVirtiofsd({ watcher }: Environment, ref: ProcessRef): Daemon {
  // Only a parent is told how a process ended, and on newer kernels everybody.
  const ended = watcher.watch(ref).then(({ exitStatus }) =>
    exitStatus === undefined || exitStatus === 0 ? undefined : `wait status ${exitStatus}`
  );
  return { ref, ended };
}

/**
 * Notices the end of a share's daemon. It ends well when its VMM goes, and as it is told to when the share is
 * removed; else the guest has lost its files, and that is a warning.
 */
export function watchVirtiofsd(
  environment: Environment,
  sandboxId: string,
  daemon: Daemon,
  logFile: string,
): void {
  const { state, log, logKeeper } = environment;
  const { pid } = daemon.ref;
  logKeeper.keep(logFile);
  daemon.ended.then((failure) => {
    logKeeper.release(logFile);
    const record = state.shares.get(sandboxId);
    if (record?.state !== "ready" || record.daemon?.pid !== pid) return;
    const fields = { sandbox: sandboxId, pid };
    if (failure === undefined) log.info("virtiofsd has ended", fields);
    else log.warn("virtiofsd has failed", { ...fields, failure, log: logTail(logFile) });
  }).catch((error) => log.error("Cannot watch virtiofsd", { sandbox: sandboxId, pid, error }));
}

/** Ends the daemon of a share, with its child, whether its start was recorded or not. Idempotent. */
export async function stopVirtiofsd(
  { watcher }: Environment,
  recorded: ProcessRef | undefined,
  sharedDir: string,
): Promise<void> {
  if (recorded && isAlive(recorded)) await terminate(recorded, { graceMs: GRACE_MS, watcher });
  for (const ref of findVirtiofsd(sharedDir)) {
    // With its parent gone a child ends by itself.
    if (recorded && await exitWithin(watcher, ref, STRAY_DEADLINE_MS)) continue;
    await terminate(ref, { graceMs: GRACE_MS, watcher });
  }
}

/** Finds running daemons by their exact `--shared-dir`, also those whose pid nobody had time to write down. */
export function findVirtiofsd(sharedDir: string): ProcessRef[] {
  const found: ProcessRef[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const args = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      const at = args.indexOf("--shared-dir");
      if (at < 1 || args[at + 1] !== sharedDir) continue;
      const ref = processRef(Number(name));
      if (isAlive(ref)) found.push(ref);
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** The end of a log, for people. */
export function logTail(path: string): string {
  try {
    const bytes = Deno.readFileSync(path);
    return new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - LOG_TAIL_BYTES))).trim();
  } catch {
    return "";
  }
}

/** Removes a file that may be missing. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
