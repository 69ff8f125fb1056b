import { bundle, link } from "../../../guest/build.ts";
import { sanitizerFlags } from "../../../guest/sanitizer_flags.ts";
import { root, step } from "../../../lib/build/mod.ts";
import { minimised } from "../minimised.ts";
import type { Outcome, Until } from "../outcome.ts";

const HERE = `${root}/tests/fuzz/native`;

let program: Promise<string> | undefined;

/** Builds the fuzzing program, once, unless nothing changed. @returns its path */
export function buildNative(): Promise<string> {
  return program ??= build();
}

async function build(): Promise<string> {
  const module = await bundle(`${HERE}/main.ts`, { [`${HERE}/fuzz.js`]: "fuzz" });
  const flags = [...await sanitizerFlags(), "-Wl,--wrap=sys_module"];
  const sources = ["fuzz.c", "inputs.c", "keeper.c", "greeter.c"].map((name) => `${HERE}/${name}`);
  const dir = await step({
    name: "native-fuzz",
    output: "native-fuzz",
    inputs: [
      { text: module + flags.join(" ") },
      { path: `${root}/guest/native` },
      ...[...sources, `${HERE}/fuzz.h`, `${HERE}/inputs.h`].map((path) => ({ path })),
    ],
    run: async ({ out, log }) => {
      await link({ module, output: `${out}/native-fuzz`, work: out, log, flags, sources, modules: ["fuzz"] });
    },
  });
  return `${dir}/native-fuzz`;
}

/** How often a failing input is tried in smaller forms. */
const MAX_ATTEMPTS = 300;

/** Tries a target in the fuzzing program. */
export async function runNative(target: string, seed: number, until: Until): Promise<Outcome> {
  const program = await buildNative();
  const keptFile = await Deno.makeTempFile({ prefix: "kuasar-fuzz-" });
  const began = performance.now();
  try {
    const { ok, stdout, stderr } = await start(program, { target, keptFile, seed, ...until });
    if (ok) return JSON.parse(stdout) as Outcome;
    const input = kept(keptFile);
    const fails = async (smaller: Uint8Array) => !(await tryOne(program, target, keptFile, smaller)).ok;
    // What it needs earlier runs for is told as it is.
    const smallest = await fails(input) ? await minimised(input, fails, MAX_ATTEMPTS) : input;
    return { runs: 0, ms: performance.now() - began, fault: { input: smallest, what: stderr } };
  } finally {
    await Deno.remove(keptFile).catch(() => {});
  }
}

/** Tries one input. @returns what went wrong; undefined where nothing did */
export async function tryNative(target: string, input: Uint8Array): Promise<string | undefined> {
  const program = await buildNative();
  const keptFile = await Deno.makeTempFile({ prefix: "kuasar-fuzz-" });
  try {
    const { ok, stderr } = await tryOne(program, target, keptFile, input);
    return ok ? undefined : stderr;
  } finally {
    await Deno.remove(keptFile).catch(() => {});
  }
}

async function tryOne(program: string, target: string, keptFile: string, input: Uint8Array) {
  const inputFile = `${keptFile}.input`;
  await Deno.writeFile(inputFile, input);
  try {
    return await start(program, { target, keptFile, seed: 0, inputFile });
  } finally {
    await Deno.remove(inputFile);
  }
}

async function start(program: string, job: Record<string, unknown>) {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [JSON.stringify(job)],
    // Short stacks of allocations: most of a run's time goes into them.
    env: { ASAN_OPTIONS: "malloc_context_size=4:quarantine_size_mb=32" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { ok: success, stdout: text(stdout), stderr: text(stderr) };
}

/** The input of the last run: a length, and behind it the input. */
function kept(path: string): Uint8Array {
  const bytes = Deno.readFileSync(path);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  return bytes.slice(4, 4 + length);
}
