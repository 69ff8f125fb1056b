/**
 * `deno task chaos`: kills and stops processes of a node at random moments, and says what was lost or left. The pods are of the
 * handler in KUASAR_E2E_HANDLER; a run can be had again by its seed.
 */
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../../lib/service/mod.ts";
import { handlerUnderTest, startTestNode, underVm, warmUp } from "../e2e/fixture.ts";
import { Random } from "./random.ts";
import { runChaos } from "./rounds.ts";

const FLAGS = {
  "rounds": { kind: "integer", default: 200, help: "How often a process is hit" },
  "seed": { kind: "integer", help: "That of the run to be had again; a new one unless given" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task chaos",
  summary: "kill and stop processes of a node at random, and see what is lost or left",
  flags: FLAGS,
  examples: [
    { command: "KUASAR_E2E_HANDLER=kuasar-runc deno task chaos", does: "200 rounds, pods of namespaces" },
    {
      command: "deno task chaos --rounds 20 --seed 7",
      does: "20 rounds, QEMU's pods, as in the run with seed 7",
    },
  ],
};

/** A VM takes so long to start, other pods a tenth of it. */
const START_MS = { vm: 9_000, namespaces: 900 };

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const random = new Random(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!);
  console.log(`chaos: handler ${handlerUnderTest()}, ${flags.rounds} rounds, seed ${random.seed}`);
  const node = await startTestNode({ logLevel: "info" });
  try {
    await warmUp(node);
    const stillLeft = node.watchLeaks();
    const { failedCalls, faults } = await runChaos(node, {
      rounds: flags.rounds,
      random,
      longestDelayMs: underVm ? START_MS.vm : START_MS.namespaces,
      say: (line) => console.log(line),
    });
    const left = await stillLeft();
    for (const fault of faults) console.log(`fault: ${fault}`);
    for (const line of left) console.log(`left over: ${line}`);
    console.log(
      `chaos: ${flags.rounds} rounds, ${failedCalls} with a failed call, ${faults.length} faults, ` +
        `${left.length} left over; seed ${random.seed}`,
    );
    if (faults.length > 0) console.log(node.logTail(200).join("\n"));
    return faults.length + left.length === 0 ? EXIT.OK : EXIT.FAILURE;
  } finally {
    await node.stop();
  }
}

if (import.meta.main) await runTask("chaos", main);
