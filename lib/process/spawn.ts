import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { closeFd, OPEN, openFd, withNetns } from "../libc/mod.ts";
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
}

/** A child that writes itself into the cgroups before it becomes the program; its pid stays. */
const JOIN_AND_EXEC = `
count=$1
shift
while [ "$count" -gt 0 ]; do
  echo $$ > "$1/cgroup.procs" || exit 126
  shift
  count=$((count - 1))
done
exec "$@"
`;

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
  { cwd, env, cgroups = [] }: SpawnOptions,
): ChildProcess {
  const joining = ["-c", JOIN_AND_EXEC, command, String(cgroups.length), ...cgroups, command, ...args];
  if (cgroups.length > 0 && command.includes("/")) Deno.statSync(command);
  const [program, programArgs] = cgroups.length === 0 ? [command, args] : ["/bin/sh", joining];
  return spawn(program, programArgs, {
    stdio,
    detached: true,
    ...(cwd !== undefined && { cwd }),
    ...(env !== undefined && { env }),
  });
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
