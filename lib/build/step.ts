import { digest, type Input } from "./digest.ts";
import { withLock } from "./lock.ts";
import { buildDir } from "./root.ts";

/** What a step works with. */
export interface StepContext {
  /** A fresh directory for the outputs; it takes the place of `build/<output>` when the step succeeds. */
  out: string;
  /** The log file of this run, `build/log/<name>.log`. */
  log: string;
  /** Shows a line of progress. */
  say: (line: string) => void;
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

function say(name: string, line: string): void {
  console.error(`${name.padEnd(12)} ${line}`);
}

/**
 * Runs a step unless its output was made from the same inputs.
 *
 * The output directory is replaced as a whole, so that a step that fails or is interrupted leaves the old one in place.
 *
 * @returns the path of the output directory
 * @throws KuasarError what the step throws
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
    say(spec.name, "building ...");
    const out = `${target}.new`;
    const log = `${buildDir}/log/${spec.name}.log`;
    await Deno.remove(out, { recursive: true }).catch(() => {});
    await Deno.mkdir(out, { recursive: true });
    await Deno.writeTextFile(log, "");
    await spec.run({ out, log, say: (line) => say(spec.name, line) });
    await Deno.writeTextFile(`${out}/${STAMP}`, wanted);
    await Deno.remove(target, { recursive: true }).catch(() => {});
    await Deno.rename(out, target);
    say(spec.name, `done in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    return target;
  });
}
