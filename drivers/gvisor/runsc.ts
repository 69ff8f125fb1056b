import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import { runtimeErrors } from "../../lib/oci/mod.ts";
import { settingUp } from "../../lib/process/mod.ts";
import { SANDBOX_VARIABLE } from "../contract/stray_processes.ts";
import { hiding, type RunscLogs, withLogs } from "./command_line.ts";

/** What each call of a driver needs besides its verb. */
export interface RunscCall {
  command: string;
  globalArgs: readonly string[];
  logs: RunscLogs;
  /** Marks what is started, so that it is found when this process dies in the middle. */
  sandboxDir: string;
  /** With which it and what it starts run; undefined for the driver's own. */
  oomScoreAdj: number | undefined;
  /** A directory that the program must not see. */
  hidden: string | undefined;
  timeoutMs: number;
  /** Aborted when nobody wants the result any more. */
  signal: AbortSignal;
}

/** Runs one verb to its end. A call that is too slow is killed: on some hosts a sandbox never comes up. @throws KuasarError */
export async function runsc(call: RunscCall, verb: string, ...args: string[]): Promise<void> {
  const { globalArgs, logs, sandboxDir, oomScoreAdj, hidden, timeoutMs, signal } = call;
  const line = hiding(hidden, [call.command, ...withLogs(globalArgs, logs), verb, ...args]);
  // The sandbox's memory is its applications'.
  const [command, ...rest] = settingUp(line, { oomScoreAdj, noCore: true });
  const logged = size(logs.log);
  const slow = AbortSignal.timeout(timeoutMs);
  // It and what it starts get no pipe of ours: they would keep it open for as long as the sandbox lives.
  const child = new Deno.Command(command!, {
    args: rest,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", [SANDBOX_VARIABLE]: sandboxDir },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has just ended.
    }
  };
  const either = AbortSignal.any([slow, signal]);
  either.addEventListener("abort", kill, { once: true });
  if (either.aborted) kill();
  const { code } = await child.status;
  either.removeEventListener("abort", kill);
  if (signal.aborted) throw new KuasarError("ABORTED", `Cannot ${verb} the sandbox: it was given up`);
  const errors = runtimeErrors(textFrom(logs.log, logged));
  if (slow.aborted) {
    throw new KuasarError(
      "DEADLINE_EXCEEDED",
      `Cannot ${verb} the sandbox: runsc took more than ${formatDuration(timeoutMs)}`,
      {
        evidence: errors,
      },
    );
  }
  if (code === 0) return;
  const reason = errors.at(-1) ?? `runsc ended with code ${code}`;
  throw new KuasarError("ABORTED", `Cannot ${verb} the sandbox: ${firstLine(reason)}`, {
    evidence: errors.map(firstLine),
  });
}

/** A panic of gVisor's is one message of many lines. */
function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.slice(0, 1000);
}

function size(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

function textFrom(path: string, offset: number): string {
  try {
    return new TextDecoder().decode(Deno.readFileSync(path).subarray(offset));
  } catch {
    return "";
  }
}
