/**
 * The fuzzing program: tries one target in the agent's engine, with the native part under the sanitizers. `tests/fuzz/native/run.ts`
 * builds and starts it. A line of JSON on stdout says how many runs there were; a fault ends it, with its input in the kept file.
 */
import "../../../guest/runtime/globals.ts";
import * as sys from "../../../guest/native/sys.js";
import type { Target } from "../target.ts";
import { PORTABLE_TARGETS } from "../targets/portable.ts";
import * as fuzz from "./fuzz.js";
import { NATIVE_TARGETS } from "./targets.ts";

/** A target by its name, the file for inputs, and how long; or an input to be tried alone. */
interface Job {
  target: string;
  keptFile: string;
  seed: number;
  runs?: number;
  ms?: number;
  inputFile?: string;
}

/** Runs between two looks at the clock and the descriptors. */
const BATCH = 1000;

const openFds = () => sys.readdir("/proc/self/fd").length;

async function tryInputs(target: Target, { seed, runs = Infinity, ms = Infinity }: Job): Promise<number> {
  for (const sample of target.samples) fuzz.add(sample, false);
  for (const word of target.words ?? []) fuzz.add(sys.utf8Encode(word), true);
  fuzz.start(seed);
  const until = sys.nowMs() + ms;
  const fds = openFds();
  let done = 0;
  while (done < runs && sys.nowMs() < until) {
    for (let left = Math.min(BATCH, runs - done); left > 0; left--, done++) {
      const checking = target.check(fuzz.next());
      if (checking) await checking;
    }
    if (openFds() !== fds) {
      throw new Error(`${openFds() - fds} descriptors are left open by the last ${BATCH} runs`);
    }
  }
  return done;
}

async function main(): Promise<void> {
  const job = JSON.parse(sys.args()[1]!) as Job;
  const target = [...NATIVE_TARGETS, ...PORTABLE_TARGETS].find(({ name }) => name === job.target)!;
  fuzz.keepAt(job.keptFile);
  const began = sys.nowMs();
  try {
    let runs = 1;
    if (job.inputFile) await target.check(sys.readFile(job.inputFile));
    else runs = await tryInputs(target, job);
    sys.write(1, sys.utf8Encode(JSON.stringify({ runs, ms: sys.nowMs() - began })));
    sys.exit(0);
  } catch (error) {
    sys.logWrite(`FAULT ${String(error)}\n${(error as Error).stack ?? ""}\n`);
    sys.exit(1);
  }
}

void main();
