/** kuasar-ctl: runs pods, looks into the sandboxes of a node and at the node itself. */
import { KuasarError } from "../../lib/errors/mod.ts";
import { EXIT, exitCodeOf, type FlagTable, parseFlags, VERSION } from "../../lib/service/mod.ts";
import { attach, detach } from "./attach.ts";
import { check } from "./check.ts";
import { type Command, type CommandInput, splitArguments } from "./command.ts";
import { completionFor } from "./completion.ts";
import { exec } from "./exec.ts";
import { gc } from "./gc.ts";
import { commandHelp, programHelp } from "./help.ts";
import { inspect } from "./inspect.ts";
import { list } from "./list.ts";
import { logs } from "./logs.ts";
import { metrics } from "./metrics.ts";
import { resize } from "./resize.ts";
import { run } from "./run/command.ts";
import { snapshot } from "./snapshot.ts";
import { tellError } from "./tell_error.ts";
import { timeline } from "./timeline.ts";

const COMMANDS: readonly Command[] = [
  run,
  list,
  inspect,
  exec,
  logs,
  timeline,
  resize,
  attach,
  detach,
  snapshot,
  metrics,
  check,
  gc,
  completionFor(() => COMMANDS),
];

/** Flags of every command. */
const COMMON = {
  "run-dir": {
    kind: "string",
    placeholder: "DIR",
    default: "/run/kuasar",
    help: "Run directory of the node",
  },
  "json": { kind: "boolean", help: "Print JSON" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

/** The command of this name. */
function commandOf(name: string | undefined): Command | undefined {
  return COMMANDS.find((command) => command.name === name || name !== undefined && command.alias === name);
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...others] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const asked = name === "help" ? commandOf(others[0]) : undefined;
    console.log(asked ? commandHelp(asked, COMMON) : programHelp(COMMANDS));
    return name === undefined ? EXIT.USAGE : EXIT.OK;
  }
  if (name === "--version") {
    console.log(`kuasar-ctl ${VERSION}`);
    return EXIT.OK;
  }
  const command = commandOf(name);
  if (!command) {
    const known = COMMANDS.map((c) => c.name).join(", ");
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot run ${JSON.stringify(name)}: the commands are ${known}`,
    );
  }
  const table: FlagTable = { ...COMMON, ...command.flags };
  const { positionals, flagArgs, rest } = splitArguments(table, others, command);
  const flags: CommandInput["flags"] = parseFlags(table, flagArgs);
  if (flags.help) {
    console.log(commandHelp(command, COMMON));
    return EXIT.OK;
  }
  const runDir = String(flags["run-dir"]).replace(/(?<=.)\/+$/, "");
  return await command.run({ positionals, rest, flags, runDir, json: flags.json === true });
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    tellError(error);
    Deno.exit(exitCodeOf(error));
  }
}
