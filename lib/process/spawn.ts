import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { closeFd, OPEN, openFd, withNetns, withNewPidNamespace } from "../libc/mod.ts";
import { type Jail, jailed } from "./jail.ts";
import { type ProcessRef, processRef } from "./process_ref.ts";

/** Options of {@link spawnWithFds}. */
export interface SpawnOptions {
  /** Descriptors that the program finds as 3, 4, … in this order; the caller closes its own copies. */
  fds?: readonly number[];
  cwd?: string;
  /** The whole environment. @default the own one */
  env?: Readonly<Record<string, string>>;
  /** File to which stdout is appended. @default /dev/null */
  stdoutFile?: string;
  /** File to which stderr is appended; may be the same. @default /dev/null */
  stderrFile?: string;
  /** Path of the network namespace in which the program runs. */
  netns?: string;
  /** Folders of the cgroups in which the program starts: all that it ever uses is counted there. */
  cgroups?: readonly string[];
  /**
   * Which of the host's processes the kernel ends first when memory runs out (proc_pid_oom_score_adj(5)), -1000 to 1000. Without
   * CAP_SYS_RESOURCE it cannot be lowered, and then stays the own one. @default the own one
   */
  oomScoreAdj?: number | undefined;
  /**
   * Whether nothing of the program's memory may come into a core file, as where it is a guest's. Neither by the limit, which a
   * handler in core_pattern is free to ignore, nor by what the kernel hands to such a handler (core(5)). @default false
   */
  noCore?: boolean;
  /**
   * How little the program may do: then it is also the first process of a PID namespace of its own, which ends at no signal but
   * SIGKILL unless it has a handler for it. @default what this process may
   */
  jail?: Jail;
}

/** A child that sets itself up before it becomes the program; its pid stays. */
const SET_UP_AND_EXEC = `
[ -z "$1" ] || echo "$1" 2>/dev/null >/proc/self/oom_score_adj
if [ -n "$2" ]; then
  ulimit -c 0
  echo 0 2>/dev/null >/proc/self/coredump_filter
fi
count=$3
shift 3
while [ "$count" -gt 0 ]; do
  echo $$ > "$1/cgroup.procs" || exit 126
  shift
  count=$((count - 1))
done
exec "$@"
`;

/**
 * A command line that sets its process up before it becomes the program.
 *
 * @throws where there is something to set up and the program, named by a path, does not exist: a shell would tell it too late
 */
export function settingUp(
  command: readonly string[],
  { cgroups = [], oomScoreAdj, noCore = false }: Pick<SpawnOptions, "cgroups" | "oomScoreAdj" | "noCore">,
): readonly string[] {
  if (cgroups.length === 0 && oomScoreAdj === undefined && !noCore) return command;
  const [program = ""] = command;
  if (program.includes("/")) Deno.statSync(program);
  const words = [String(oomScoreAdj ?? ""), noCore ? "yes" : "", String(cgroups.length), ...cgroups];
  return ["/bin/sh", "-c", SET_UP_AND_EXEC, program, ...words, ...command];
}

/** How a child ended: one of both is not null. */
export interface ChildExit {
  code: number | null;
  signal: string | null;
}

/** A program that was started. */
export interface SpawnedProcess {
  pid: number;
  ref: ProcessRef;
  /** Resolves when the child has ended and been reaped. */
  exited: Promise<ChildExit>;
}

/**
 * Starts a program that may outlive this process: in a session of its own (a Ctrl-C of the terminal does not
 * reach it), stdin from /dev/null, extra descriptors.
 *
 * This needs a real fork, whose cost grows with the heap of this process: keep it small.
 *
 * @throws {KuasarError} NOT_FOUND when the program does not exist, PERMISSION_DENIED when it may not be run
 */
export async function spawnWithFds(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<SpawnedProcess> {
  const logs: number[] = [];
  const open = (path: string | undefined): number | "ignore" => {
    if (path === undefined) return "ignore";
    const fd = openFd(path, OPEN.WRONLY | OPEN.CREAT | OPEN.APPEND, 0o600);
    logs.push(fd);
    return fd;
  };
  try {
    const stdio: StdioOptions = [
      "ignore",
      open(options.stdoutFile),
      open(options.stderrFile),
      ...options.fds ?? [],
    ];
    const start = () => startChild(command, args, stdio, options);
    const child = options.netns === undefined ? start() : withNetns(options.netns, start);
    return await settle(child, command);
  } catch (error) {
    throw spawnError(command, error);
  } finally {
    logs.forEach(closeFd);
  }
}

function startChild(
  command: string,
  args: readonly string[],
  stdio: StdioOptions,
  { cwd, env, jail, ...setUp }: SpawnOptions,
): ChildProcess {
  const start = ([program, ...programArgs]: readonly string[]) =>
    spawn(program!, programArgs, {
      stdio,
      detached: true,
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
    });
  if (!jail) return start(settingUp([command, ...args], setUp));
  Deno.statSync(command);
  const { cgroups = [], oomScoreAdj, noCore = false } = setUp;
  const line = jailed([command, ...args], jail, {
    cgroups,
    oomScoreAdj,
    noCore,
    descriptors: stdio.length,
  });
  return withNewPidNamespace(() => start(line));
}

async function settle(child: ChildProcess, command: string): Promise<SpawnedProcess> {
  const exited = new Promise<ChildExit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const failed = new Promise<never>((_resolve, reject) => child.on("error", reject));
  failed.catch(() => {});
  const { pid } = child;
  if (pid === undefined) return await failed;
  try {
    return { pid, ref: processRef(pid), exited };
  } catch {
    // It has ended and been reaped before we could look.
    const { code, signal } = await exited;
    throw new KuasarError(
      "ABORTED",
      `Cannot run ${command}: it ended at once (code ${code}, signal ${signal})`,
    );
  }
}

function spawnError(command: string, error: unknown): KuasarError {
  if (error instanceof KuasarError) return error;
  const code = (error as { code?: string }).code;
  const missing = code === "ENOENT" || error instanceof Deno.errors.NotFound;
  const denied = code === "EACCES" || error instanceof Deno.errors.PermissionDenied;
  const reason = asKuasarError(error).message;
  return new KuasarError(
    missing ? "NOT_FOUND" : denied ? "PERMISSION_DENIED" : "INTERNAL",
    `Cannot run ${command}: ${missing ? "there is no such program" : reason}`,
    { cause: error },
  );
}
