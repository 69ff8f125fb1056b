/**
 * `deno task fuzz`: gives parsers damaged input. Those of the agent run in its own engine with the native part under the sanitizers,
 * those of the services here. A fault is told with its smallest input, which lies in build/fuzz/ then.
 */
import { buildDir } from "../../lib/build/mod.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../../lib/service/mod.ts";
import { ENTRIES } from "./entries.ts";
import type { Outcome, Until } from "./outcome.ts";

const FLAGS = {
  "minutes": { kind: "integer", default: 10, help: "For all targets together" },
  "runs": { kind: "integer", help: "As many for each target instead, however long they take" },
  "target": { kind: "string", help: "This one alone; any beginning of names as they are printed" },
  "seed": { kind: "integer", help: "That of the run to be had again; a new one unless given" },
  "input": { kind: "string", placeholder: "FILE", help: "Give this one input to --target" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task fuzz",
  summary: "give parsers damaged input, the native ones under the sanitizers",
  flags: FLAGS,
  examples: [
    { command: "deno task fuzz --minutes 30", does: "all of them" },
    { command: "deno task fuzz --target native/relay --runs 1000000", does: "one of them" },
    {
      command: "deno task fuzz --target native/relay --input build/fuzz/native-relay",
      does: "what it failed with",
    },
  ],
};

function row(...cells: readonly [string, string, string, string]): string {
  const [name, ...numbers] = cells;
  return [name.padEnd(28), ...numbers.slice(0, 2).map((cell) => cell.padStart(12)), `  ${numbers[2]}`].join(
    "",
  );
}

/** Writes the input of a fault where it stays. @returns lines that tell of it */
async function tell(name: string, { input, what }: NonNullable<Outcome["fault"]>): Promise<string[]> {
  const path = `${buildDir}/fuzz/${name.replaceAll("/", "-")}`;
  await Deno.mkdir(`${buildDir}/fuzz`, { recursive: true });
  await Deno.writeFile(path, input);
  return [
    `fault: ${name} with ${path}, ${input.length} bytes: ${JSON.stringify(new TextDecoder().decode(input))}`,
    what,
  ];
}

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const wanted = flags.target ?? "";
  const exact = ENTRIES.filter(({ name }) => name === wanted);
  const entries = exact.length > 0 ? exact : ENTRIES.filter(({ name }) => name.startsWith(wanted));
  if (entries.length === 0) {
    console.error(
      `Cannot fuzz ${wanted}: there is no such target; there are ${ENTRIES.map((e) => e.name).join(", ")}`,
    );
    return EXIT.USAGE;
  }
  if (flags.input !== undefined) {
    const fault = await entries[0]!.tryOne(await Deno.readFile(flags.input));
    console.log(`${entries[0]!.name}: ${fault ?? "no fault"}`);
    return fault === undefined ? EXIT.OK : EXIT.FAILURE;
  }
  const seed = flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  const until: Until = flags.runs === undefined
    ? { ms: flags.minutes * 60_000 / entries.length }
    : { runs: flags.runs };
  console.log(`fuzz: ${entries.length} targets, seed ${seed}`);
  console.log(row("target", "runs", "runs/s", ""));
  let all = 0, faults = 0;
  for (const { name, run } of entries) {
    const { runs, ms, fault } = await run(seed, until);
    all += runs;
    console.log(row(name, String(runs), (runs / ms * 1000).toFixed(0), fault ? "FAULT" : ""));
    if (!fault) continue;
    faults += 1;
    for (const line of await tell(name, fault)) console.log(line);
  }
  console.log(`fuzz: ${all} runs, ${faults} targets with a fault; seed ${seed}`);
  return faults === 0 ? EXIT.OK : EXIT.FAILURE;
}

if (import.meta.main) await runTask("fuzz", main);
