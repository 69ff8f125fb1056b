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
  const { command, directory, privateMounts = [], noVsock = false } = runtime;
  const log = `${directory}/${sys.getpid()}-${++calls}.log`;
  const nothing = stdio ? -1 : sys.openNull(sys.O.RDWR);
  const fds = stdio ?? { stdin: nothing, stdout: nothing, stderr: nothing };
  try {
    const pid = spawnReaped({
      env: environment(env),
      argv: [...command, "--log", log, "--log-format", "json", ...args],
      ...fds,
      ...(privateMounts.length === 0 ? {} : { privateMounts }),
      ...(noVsock && { noVsock }),
    });
    const what = `${args[0]} the container's process`;
    const { code } = await within(timeoutMs, what, exitOf(pid), () => sys.kill(pid, sys.SIG.KILL));
    if (code === 0) return;
    const reasons = runtimeErrors(sys.exists(log) ? sys.readTextFile(log) : "");
    const reason = reasons.at(-1) ?? `the runtime ended with code ${code}`;
    throw new KuasarError(codeOf(reason), `Cannot ${what}: ${reason}`, { evidence: reasons });
  } finally {
    if (nothing >= 0) sys.close(nothing);
    if (sys.exists(log)) sys.unlink(log);
  }
}
