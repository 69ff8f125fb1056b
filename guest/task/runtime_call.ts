import { KuasarError } from "../../lib/errors/mod.ts";
import { runtimeErrors } from "../../lib/oci/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { exitOf, spawnReaped } from "../runtime/reaper.ts";
import { codeOf } from "./runtime_reason.ts";

/** How long one call of the runtime may take; under emulation each is some hundred times slower than it should be. */
const CALL_TIMEOUT_MS = 60_000;

/** Descriptors that the runtime, and so the container, gets as stdin, stdout and stderr. */
export interface Stdio {
  stdin: number;
  stdout: number;
  stderr: number;
}

/** How one call differs from others. */
export interface CallOptions {
  /** Of the call; nothing without it. */
  stdio?: Stdio;
  /** Besides our own environment, or instead of what is there. */
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

/** How an OCI runtime is called. */
export interface RuntimeCommand {
  /** The program, and what stands before the verb of each call: `--root` and the like. */
  command: readonly string[];
  /** For the logs and pid files of calls under way; it must exist. */
  directory: string;
  /** Mounts that the runtime must not see, as `sys.spawn` takes them. */
  privateMounts?: readonly string[];
  /** Neither the runtime nor the containers that it starts can make vsock sockets, whatever profile they have. CRIU would not work so. */
  noVsock?: boolean;
}

/** The runtimes pass on to containers the descriptors and sockets of whoever has started them: ours are not for them. */
const NOT_INHERITED = /^(?:LISTEN_|NOTIFY_SOCKET=|KUASAR_)/;

let inherited: readonly string[] | undefined;

function environment(changes: Readonly<Record<string, string>>): readonly string[] {
  inherited ??= sys.environ().filter((entry) => !NOT_INHERITED.test(entry));
  const own = Object.entries(changes);
  if (own.length === 0) return inherited;
  const kept = inherited.filter((entry) => !(entry.slice(0, entry.indexOf("=")) in changes));
  return [...kept, ...own.map(([name, value]) => `${name}=${value}`)];
}

/** Calls under way, over all runtimes: their files may lie in one directory. */
let calls = 0;

/** One call of a runtime under way. */
interface Call {
  pid: number;
  /** For messages: "exec the container's process". */
  what: string;
  /** What the runtime has logged as errors so far. */
  failure(code: number): KuasarError;
  /** Takes its log away. */
  end(): void;
}

function begin(
  { command, directory, privateMounts = [], noVsock = false }: RuntimeCommand,
  args: readonly string[],
  env: NonNullable<CallOptions["env"]>,
  rest: Stdio & Pick<sys.SpawnOptions, "ctty" | "extraFds">,
): Call {
  const log = `${directory}/${sys.getpid()}-${++calls}.log`;
  const what = `${args[0]} the container's process`;
  const pid = spawnReaped({
    env: environment(env),
    argv: [...command, "--log", log, "--log-format", "json", ...args],
    ...rest,
    ...(privateMounts.length === 0 ? {} : { privateMounts }),
    ...(noVsock && { noVsock }),
  });
  return {
    pid,
    what,
    failure(code) {
      const reasons = runtimeErrors(sys.exists(log) ? sys.readTextFile(log) : "");
      const reason = reasons.at(-1) ?? `the runtime ended with code ${code}`;
      return new KuasarError(codeOf(reason), `Cannot ${what}: ${reason}`, { evidence: reasons });
    },
    end() {
      if (sys.exists(log)) sys.unlink(log);
    },
  };
}

/**
 * Calls a runtime and waits for the end of the call.
 *
 * @throws KuasarError INTERNAL or NOT_FOUND with the reason that the runtime has logged
 */
export async function callRuntime(
  runtime: RuntimeCommand,
  args: readonly string[],
  { stdio, env = {}, timeoutMs = CALL_TIMEOUT_MS }: CallOptions = {},
): Promise<void> {
  const nothing = stdio ? -1 : sys.openNull(sys.O.RDWR);
  let call: Call | undefined;
  try {
    call = begin(runtime, args, env, stdio ?? { stdin: nothing, stdout: nothing, stderr: nothing });
    const { pid, what } = call;
    const { code } = await within(timeoutMs, what, exitOf(pid), () => sys.kill(pid, sys.SIG.KILL));
    if (code !== 0) throw call.failure(code);
  } finally {
    if (nothing >= 0) sys.close(nothing);
    call?.end();
  }
}

/** A call that lasts as long as what it has started. */
export interface LastingCall {
  pid: number;
  exit: Promise<sys.ExitStatus>;
}

/** The descriptor at which a lasting call has its pipe. */
const PIPE_FD = 3;

/**
 * Begins a call that ends when what it has started ends, and waits until that has been started: until the runtime has written its
 * pid file, here a pipe. Whoever looks for a file and then for the end of the call misses a process that ends between the two.
 *
 * @param args without `--pid-file`, which is put behind the verb
 * @param terminal whether `stdio` is one, and to be the call's own
 * @throws KuasarError INTERNAL or NOT_FOUND with the reason that the runtime has logged, DEADLINE_EXCEEDED
 */
export async function beginRuntime(
  runtime: RuntimeCommand,
  args: readonly string[],
  stdio: Stdio,
  terminal: boolean,
): Promise<LastingCall> {
  const { read, write } = sys.pipe();
  let call: Call | undefined;
  try {
    const [verb = "", ...rest] = args;
    // It gets the other end too: nobody may have read when this program has died, and a pipe without a reader does not open.
    const extraFds = [write, read];
    const withPipe = [verb, "--pid-file", `/proc/self/fd/${PIPE_FD}`, ...rest];
    call = begin(runtime, withPipe, {}, { ...stdio, extraFds, ...(terminal && { ctty: true }) });
    const { pid, what } = call;
    const exit = exitOf(pid);
    const told = new Promise<void>((resolve) => sys.watch(read, sys.EPOLL.IN, () => resolve()));
    await within(CALL_TIMEOUT_MS, what, Promise.race([told, exit]), () => sys.kill(pid, sys.SIG.KILL));
    // Whatever was first: one that has begun may have ended by now.
    if (sys.read(read, new Uint8Array(32)) <= 0) throw call.failure((await exit).code);
    return { pid, exit };
  } finally {
    sys.close(read);
    sys.close(write);
    call?.end();
  }
}
