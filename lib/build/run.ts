import { KuasarError } from "../errors/mod.ts";
import { onEnding } from "../process/mod.ts";

/** How a command of a build step is run. */
export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** The command's output is appended here. */
  log: string;
  /** Is shown all of that output, too. */
  onOutput?: (chunk: Uint8Array) => void;
  /** A signal to this process does not end the command, which is waited for: half an installation is worse than a late end. */
  finish?: boolean;
}

/**
 * Runs a command with its output in a log file.
 *
 * @throws KuasarError INTERNAL with the last lines of the log where the command fails,
 *   FAILED_PRECONDITION where there is no such command
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<void> {
  const code = await runLogged(command, args, options);
  if (code === 0) return;
  const tail = (await Deno.readTextFile(options.log)).trimEnd().split("\n").slice(-20);
  const what = `"${command} ${args[0] ?? ""}" ended with code ${code}`;
  throw new KuasarError("INTERNAL", `Cannot build: ${what}; all output is in ${options.log}`, {
    evidence: tail,
  });
}

/** Returns the exit code; the log is complete then. */
async function runLogged(command: string, args: readonly string[], options: RunOptions): Promise<number> {
  const log = await Deno.open(options.log, { create: true, append: true });
  try {
    const child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    }).spawn();
    const forget = onEnding(() => {
      if (!options.finish) child.kill("SIGTERM");
      return child.status;
    });
    const copy = async (stream: ReadableStream<Uint8Array>) => {
      for await (const chunk of stream) {
        appendAll(log, chunk);
        options.onOutput?.(chunk);
      }
    };
    try {
      await Promise.all([copy(child.stdout), copy(child.stderr)]);
      return (await child.status).code;
    } finally {
      forget();
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new KuasarError("FAILED_PRECONDITION", `Cannot build: command "${command}" is not installed`, {
      cause: error,
    });
  } finally {
    log.close();
  }
}

/** Appends at once: who follows the log of a build that takes minutes wants to see it, and a killed one is to leave it. */
function appendAll(file: Deno.FsFile, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
}

/** Runs a command and returns what it prints to stdout. @throws KuasarError as {@link run} does */
export async function capture(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command(command, { args: [...args], env, stdin: "null" }).output();
  } catch (error) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot build: command "${command}" is not installed`, {
      cause: error,
    });
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (result.success) return text(result.stdout);
  throw new KuasarError(
    "INTERNAL",
    `Cannot build: "${command} ${args.join(" ")}" ended with code ${result.code}`,
    {
      evidence: text(result.stderr).trimEnd().split("\n"),
    },
  );
}
