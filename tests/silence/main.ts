/**
 * `deno task silence`: stops each process of a pod, and each service of a node, at each call, and sees what others notice and
 * whether the pod can be got rid of. The pods are of the handler in KUASAR_E2E_HANDLER.
 */
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../../lib/service/mod.ts";
import { handlerUnderTest, startTestNode, warmUp } from "../e2e/fixture.ts";
import { CALLS, RUN_POD } from "./calls.ts";
import { type Cell, type Neighbour, runCell } from "./cell.ts";
import { type Victim, VICTIMS } from "./victims.ts";
import type { Node } from "../harness/mod.ts";

const FLAGS = {
  "victim": { kind: "string", help: "This one alone" },
  "call": { kind: "string", help: "At this call alone" },
  "beside": { kind: "integer", default: 3, help: "So many pods at a time; services are stopped one by one" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task silence",
  summary: "stop each process of a pod at each call, and see who notices",
  flags: FLAGS,
  examples: [
    { command: "KUASAR_E2E_HANDLER=kuasar-runc deno task silence", does: "all of it, pods of namespaces" },
    { command: "deno task silence --victim VMM --call ExecSync", does: "one of QEMU's" },
  ],
};

interface Task {
  victim: Victim;
  call: string;
}

function row(victim: string, call: string, cell: Cell | string): string {
  const begin = `${victim.padEnd(14)}${call.padEnd(20)}`;
  if (typeof cell === "string") return begin + cell;
  const { neighbourMs: [before, meanwhile], stopMs, outcome, faults } = cell;
  const numbers = [before, meanwhile, stopMs].map((ms) => Math.round(ms).toString().padStart(8)).join("");
  return `${begin}${numbers}  ${outcome}${faults.map((fault) => `; FAULT: ${fault}`).join("")}`;
}

/** Runs tasks, so many at a time, each as soon as one before it has ended. @returns those with a fault */
async function runAll(
  node: Node,
  neighbour: Neighbour,
  tasks: readonly Task[],
  beside: number,
): Promise<number> {
  const waiting = [...tasks.entries()];
  let faults = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, { victim, call }] = next;
      const cell = await runCell(node, neighbour, victim, call, `silent${index}${victim.ofNode ? "n" : "p"}`);
      faults += cell?.faults.length ? 1 : 0;
      console.log(row(victim.name, call, cell ?? "there is none here"));
    }
  };
  await Promise.all(Array.from({ length: beside }, worker));
  return faults;
}

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const victims = VICTIMS.filter(({ name, handlers }) =>
    handlers.includes(handlerUnderTest()) && (flags.victim ?? name) === name
  );
  const tasks = victims.flatMap((victim) =>
    [RUN_POD, ...Object.keys(CALLS)].filter((call) => (flags.call ?? call) === call).map((call) => ({
      victim,
      call,
    }))
  );
  const node = await startTestNode({ logLevel: "debug" });
  try {
    await warmUp(node);
    const stillLeft = node.watchLeaks();
    const pod = await node.runPod({ name: "neighbour" });
    const container = await pod.run({
      name: "c",
      image: await node.image("busybox"),
      command: ["sleep", "1000000"],
    });
    const neighbour = { pod, container };
    console.log(
      `silence: ${handlerUnderTest()}, ${tasks.length} cells; ms of the neighbour's calls before and meanwhile, of the stop`,
    );
    // A pod that is being started is told from others by being the only one.
    const alone = ({ victim, call }: Task) => victim.ofNode === true || call === RUN_POD;
    const faults = await runAll(node, neighbour, tasks.filter((task) => !alone(task)), flags.beside) +
      await runAll(node, neighbour, tasks.filter(alone), 1);
    await pod.remove();
    const left = await stillLeft();
    for (const line of left) console.log(`left over: ${line}`);
    console.log(`silence: ${tasks.length} cells, ${faults} with a fault, ${left.length} left over`);
    if (faults > 0) console.log(node.logTail(200).join("\n"));
    return faults + left.length === 0 ? EXIT.OK : EXIT.FAILURE;
  } finally {
    await node.stop();
  }
}

if (import.meta.main) await runTask("silence", main);
