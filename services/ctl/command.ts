import type { FlagTable } from "../../lib/service/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";

/** What a command gets. */
export interface CommandInput {
  /** What stands on the command line besides flags, up to `--`. */
  positionals: readonly string[];
  /** What stands behind `--`. */
  rest: readonly string[];
  flags: Readonly<Record<string, string | number | boolean | undefined>>;
  runDir: string;
  json: boolean;
}

/** One command of kuasar-ctl. */
export interface Command {
  name: string;
  /** `exec ID [FLAGS] -- COMMAND...` without the program's name. */
  usage: string;
  summary: string;
  flags: FlagTable;
  examples: readonly { command: string; does: string }[];
  /** Prints to stdout and returns the exit code. */
  run(input: CommandInput): Promise<number>;
}

/** Short forms of flags, Kuasar's and the usual ones. */
const SHORT: Readonly<Record<string, string>> = { "-h": "--help", "-p": "--vport", "-t": "--timeout" };

/** A command line in its parts. */
export interface Parts {
  positionals: string[];
  flagArgs: string[];
  rest: string[];
}

/**
 * Splits arguments into positionals, flags with their values, and what stands behind `--`.
 *
 * Whether the flags exist is not looked at; only whether a known one takes a value.
 */
export function splitArguments(table: FlagTable, args: readonly string[]): Parts {
  const parts: Parts = { positionals: [], flagArgs: [], rest: [] };
  for (let i = 0; i < args.length; i++) {
    const arg = SHORT[args[i]!] ?? args[i]!;
    if (arg === "--") {
      parts.rest = args.slice(i + 1);
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      parts.positionals.push(arg);
      continue;
    }
    parts.flagArgs.push(arg);
    const name = arg.slice(2);
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (flag && flag.kind !== "boolean" && i + 1 < args.length) parts.flagArgs.push(args[++i]!);
  }
  return parts;
}

/** The one positional of a command. @throws KuasarError INVALID_ARGUMENT where there is none or more than one */
export function onlyPositional(input: CommandInput, what: string): string {
  const [first, ...more] = input.positionals;
  if (first === undefined || more.length) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot go on: expected one ${what}, got ${input.positionals.length}`,
    );
  }
  return first;
}
