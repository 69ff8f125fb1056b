import { asKuasarError, formatDuration, KuasarError } from "../errors/mod.ts";
import { isEnding, onEnding } from "../process/mod.ts";
import { digest, type Input } from "./digest.ts";
import { withLock } from "./lock.ts";
import { lines, Progress } from "./progress.ts";
import { buildDir } from "./root.ts";

/** What a step works with. */
export interface StepContext {
  /** A fresh directory for the outputs; it takes the place of `build/<output>` when the step succeeds. */
  out: string;
  /** The log file of this run, `build/log/<name>.log`. */
  log: string;
  /** Shows a line of progress. */
  say: (line: string) => void;
  /** For a part that takes long and of which the amount of work is known: count it with `add`. */
  progress: (what: string, total: number) => Progress;
}

/** A build step whose result is kept until one of its inputs changes. */
export interface Step {
  /** Shown to people and used for the log and the lock: `kernel`. */
  name: string;
  /** Directory below `build/` that the step makes. */
  output: string;
  inputs: readonly Input[];
  run: (context: StepContext) => Promise<void>;
}

const STAMP = ".inputs";

function titled(name: string, line: string): string {
  return `${name.padEnd(12)} ${line}`;
}

function say(name: string, line: string): void {
  lines.say(titled(name, line));
}

/**
 * What a step that failed says: its own error, or the end of its log around one that is not ours (a full disk, say).
 */
async function failure(name: string, error: unknown, log: string): Promise<KuasarError> {
  if (error instanceof KuasarError) return error;
  const tail = (await Deno.readTextFile(log).catch(() => "")).trimEnd().split("\n").slice(-20);
  const { code, message } = asKuasarError(error, `Cannot build ${name}`);
  return new KuasarError(code, `${message}; all output is in ${log}`, { cause: error, evidence: tail });
}

/** Puts `fresh` in the place of `target`, which is away for no longer than a rename takes: VMs may start meanwhile. */
async function replace(target: string, fresh: string): Promise<void> {
  const old = `${target}.old`;
  await Deno.remove(old, { recursive: true }).catch(() => {});
  await Deno.rename(target, old).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(fresh, target);
  await Deno.remove(old, { recursive: true }).catch(() => {});
}

/**
 * Runs a step unless its output was made from the same inputs.
 *
 * The output directory is replaced as a whole, so that a step that fails or is interrupted leaves the old one in place.
 * Two runs of the same step take turns; the second finds the work done.
 *
 * @returns the path of the output directory
 * @throws KuasarError what the step throws, or INTERNAL with the end of its log
 */
export async function step(spec: Step): Promise<string> {
  const target = `${buildDir}/${spec.output}`;
  const wanted = await digest([{ text: spec.name }, ...spec.inputs]);
  const isFresh = async () => (await Deno.readTextFile(`${target}/${STAMP}`).catch(() => "")) === wanted;
  if (await isFresh()) return target;
  await Deno.mkdir(`${buildDir}/log`, { recursive: true });
  await Deno.mkdir(`${buildDir}/lock`, { recursive: true });
  return await withLock(`${buildDir}/lock/${spec.name}`, async () => {
    if (await isFresh()) return target;
    const begin = performance.now();
    const took = () => formatDuration(performance.now() - begin);
    say(spec.name, "building ...");
    const out = `${target}.new`;
    const log = `${buildDir}/log/${spec.name}.log`;
    await Deno.remove(out, { recursive: true }).catch(() => {});
    await Deno.mkdir(out, { recursive: true });
    await Deno.writeTextFile(log, "");
    const running = (async () => {
      try {
        await spec.run({
          out,
          log,
          say: (line) => say(spec.name, line),
          progress: (what, total) => new Progress(titled(spec.name, what), total, lines),
        });
      } catch (error) {
        say(spec.name, `${isEnding() ? "given up" : "failed"} after ${took()}`);
        // Half a kernel tree is more than a gigabyte, and the log says what went wrong.
        await Deno.remove(out, { recursive: true }).catch(() => {});
        throw await failure(spec.name, error, log);
      }
      await Deno.writeTextFile(`${out}/${STAMP}`, wanted);
      await replace(target, out);
    })();
    // A command that a signal has ended fails, and the rest is undone here.
    const forget = onEnding(() => running);
    try {
      await running;
    } finally {
      forget();
      lines.rest();
    }
    say(spec.name, `done in ${took()}`);
    return target;
  });
}
