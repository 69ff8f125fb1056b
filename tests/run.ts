/**
 * `deno task test`: the static checks, then every test, several stages at once where the machine has the processors.
 * Stops at the first red and ends with one line that counts them all.
 */
import { KuasarError } from "../lib/errors/mod.ts";
import { onEnding } from "../lib/process/mod.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../lib/service/mod.ts";
import { root } from "./root.ts";
import { type Propagation, SKIPPED, type Stage, STAGES } from "./stages.ts";

/** A VM under emulation fills one processor and waits for the other; more at once only wait for each other. */
const DEFAULT_LANES = Math.max(1, Math.min(2, navigator.hardwareConcurrency));

/** What a stage may need to end what it has started, once another has failed. */
const END_MS = 60_000;

/** The closing line of deno's test runner is within so many bytes of its end. */
const TAIL_BYTES = 4096;

const FLAGS = {
  "lanes": {
    kind: "integer",
    default: DEFAULT_LANES,
    help: "How many stages run at once; with 1 the output is shown as it comes",
  },
  "keep-going": { kind: "boolean", help: "Go on after a failure, to see all of them" },
  "stage": { kind: "string", help: "Only the stages with this in their names; nothing is set up for them" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task test",
  summary: "run every test, with all set-up, and stop at the first that fails",
  flags: FLAGS,
  examples: [
    { command: "deno task test", does: "everything, as many stages at once as the machine runs well" },
    { command: "deno task test --stage kuasar-runc --lanes 1", does: "one driver's, shown as they run" },
  ],
};

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A command line that runs `argv` in a mount namespace of its own. */
function inMountNamespace(argv: readonly string[], mounts: Propagation): string[] {
  // Private at first: what a test leaves mounted is not left on the host.
  const enter = `mount --make-r${mounts} / && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", enter, "sh", ...argv];
}

/** A stage under way. */
class Running {
  readonly ended: Promise<boolean>;
  readonly alone: boolean;
  readonly #stage: Stage;
  readonly #child: Deno.ChildProcess;
  readonly #held: Uint8Array[] | undefined;

  /** @param shown as it comes; else held back until the stage has ended, so that two do not mix */
  constructor(stage: Stage, shown: boolean, total: Counts) {
    this.#stage = stage;
    this.alone = stage.alone === true;
    const argv = [Deno.execPath(), ...stage.args];
    const [program, ...args] = stage.mounts && Deno.uid() === 0 ? inMountNamespace(argv, stage.mounts) : argv;
    this.#child = new Deno.Command(program!, {
      args,
      cwd: root,
      env: { ...stage.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#held = shown ? undefined : [];
    this.ended = this.#run(total);
  }

  /** Ends it, and has it end what it has started. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#kill("SIGKILL"), END_MS);
    this.#kill("SIGTERM");
    await this.ended;
    clearTimeout(timer);
  }

  /** @returns whether it passed */
  async #run(total: Counts): Promise<boolean> {
    const { name, counts } = this.#stage;
    console.log(`\n== ${name} ==`);
    const began = performance.now();
    const [tail, , { code }] = await Promise.all([
      this.#carry(this.#child.stdout, Deno.stdout),
      this.#carry(this.#child.stderr, Deno.stderr),
      this.#child.status,
    ]);
    if (this.#held) console.log(`\n== ${name}: output ==`);
    for (const chunk of this.#held ?? []) writeAll(Deno.stdout, chunk);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`== ${name}: ${code === 0 ? "ok" : "FAILED"} in ${seconds} s ==`);
    if (counts) add(total, countsIn(tail));
    return code === 0;
  }

  /** @returns the end of what has come */
  async #carry(from: ReadableStream<Uint8Array>, to: typeof Deno.stdout): Promise<string> {
    const decoder = new TextDecoder();
    let tail = "";
    for await (const chunk of from) {
      if (this.#held) this.#held.push(chunk);
      else writeAll(to, chunk);
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-TAIL_BYTES);
    }
    return tail;
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended.
    }
  }
}

function writeAll(to: typeof Deno.stdout, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}

/** What the closing line of deno's test runner says. */
function countsIn(tail: string): Counts {
  // deno-lint-ignore no-control-regex -- colours are stripped
  const plain = tail.replace(/\x1b\[[0-9;]*m/g, "");
  const count = (word: string) =>
    Number([...plain.matchAll(new RegExp(`(\\d+) ${word}`, "g"))].at(-1)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}

function add(total: Counts, more: Counts): void {
  for (const key of ["passed", "failed", "skipped"] as const) total[key] += more[key];
}

/** Runs the stages, `lanes` at once, until all have passed or, unless it keeps going, one has failed. @returns whether all passed */
async function runStages(
  stages: readonly Stage[],
  { lanes, keepGoing }: { lanes: number; keepGoing: boolean },
  total: Counts,
): Promise<boolean> {
  const waiting = [...stages];
  const running = new Set<Running>();
  const forget = onEnding(() => Promise.all([...running].map((stage) => stage.end())));
  try {
    let passed = true;
    const begin = (stage: Stage) => {
      const one = new Running(stage, lanes === 1 || stage.alone === true, total);
      running.add(one);
      void one.ended.then((ok) => {
        running.delete(one);
        passed &&= ok;
      });
    };
    while ((passed || keepGoing) && (waiting.length > 0 || running.size > 0)) {
      const next = waiting[0];
      const free = next?.alone ? running.size === 0 : running.size < lanes;
      if (next && free && ![...running].some(({ alone }) => alone)) {
        waiting.shift();
        begin(next);
      } else {
        await Promise.race([...running].map((stage) => stage.ended));
      }
    }
    await Promise.all([...running].map((stage) => stage.end()));
    return passed;
  } finally {
    forget();
  }
}

/** A stage that does not stop at its first failure. */
function toTheEnd(stage: Stage): Stage {
  return { ...stage, args: stage.args.filter((argument) => argument !== "--fail-fast") };
}

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const stages = STAGES.filter(({ name }) => name.includes(flags.stage ?? ""));
  if (stages.length === 0) {
    const names = STAGES.map(({ name }) => name);
    throw new KuasarError("INVALID_ARGUMENT", `Cannot find a stage named like "${flags.stage}"`, {
      evidence: ["There are:", ...names],
    });
  }
  const keepGoing = flags["keep-going"];
  for (const skipped of SKIPPED) console.log(`skipped: ${skipped}`);
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const passed = await runStages(
    keepGoing ? stages.map(toTheEnd) : stages,
    { lanes: Math.max(1, flags.lanes), keepGoing },
    total,
  );
  if (!passed) total.failed ||= 1;
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  return passed ? EXIT.OK : EXIT.FAILURE;
}

if (import.meta.main) await runTask("test", main);
