import { asKuasarError, formatDuration } from "../errors/mod.ts";
import { killOnAbort } from "./kill_on_abort.ts";

/** How long a program may take to say what it is: a host that has just booted has much else to do. */
const TIMEOUT_MS = 60_000;

/** How a program is asked. */
export interface AskOptions {
  /** @default ["--version"] */
  args?: readonly string[];
  /** The whole environment. @default the own one */
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

/** What a program says of itself. */
export interface VersionAnswer {
  /** What it has printed; empty where it cannot be run or does not answer. */
  output: string;
  /** Why there is no answer, for people. Not of a program that is not there: each start tells that, with what to do. */
  notes: readonly string[];
}

/** Asks a program for its version. Does not throw: that a program is broken is no reason to serve nobody. */
export async function askVersion(
  path: string,
  { args = ["--version"], env, timeoutMs = TIMEOUT_MS }: AskOptions = {},
): Promise<VersionAnswer> {
  const slow = AbortSignal.timeout(timeoutMs);
  const none = (reason: string): VersionAnswer => ({
    output: "",
    notes: [`Cannot learn the version of ${path}: ${reason}`],
  });
  try {
    const child = new Deno.Command(path, {
      args: [...args],
      ...(env && { env: { ...env }, clearEnv: true }),
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    killOnAbort(child, slow);
    const { stdout } = await child.output();
    // What it had printed before it was killed is no answer.
    if (slow.aborted) {
      return none(`it does not answer \`${args.join(" ")}\` within ${formatDuration(timeoutMs)}`);
    }
    return { output: new TextDecoder().decode(stdout), notes: [] };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { output: "", notes: [] };
    return none(asKuasarError(error).message);
  }
}
