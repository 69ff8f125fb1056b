import type { FlagTable, FlagValue } from "../../lib/service/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";

/** What a command gets. */
export interface CommandInput {
  /** What stands on the command line besides flags, up to `--`. */
  positionals: readonly string[];
  /** What stands behind `--`. */
  rest: readonly string[];
  flags: Readonly<Record<string, FlagValue>>;
  runDir: string;
  json: boolean;
}

/** One command of kuasar-ctl. */
export interface Command {
  name: string;
  /** Another name that people try. */
  alias?: string;
  /** `exec ID [FLAGS] -- COMMAND...` without the program's name. */
  usage: string;
  summary: string;
  flags: FlagTable;
  /** Short forms of its flags: `-t` for `--tty`. */
  short?: Readonly<Record<string, string>>;
  /** True where all behind the first positional is another program's command line. */
  programFollows?: boolean;
  examples: readonly { command: string; does: string }[];
  /** Prints to stdout and returns the exit code. */
  run(input: CommandInput): Promise<number>;
}

/** Short forms of flags that all commands have. */
const SHORT: Readonly<Record<string, string>> = { "-h": "--help" };

/** A command line in its parts. */
export interface Parts {
  positionals: string[];
  flagArgs: string[];
  rest: string[];
}

/**
 * Splits arguments into positionals, flags with their values, and what stands behind `--`, or, where another program's
 * command line follows, behind the first positional.
 *
 * Whether the flags exist is not looked at; only whether a known one takes a value.
 */
export function splitArguments(
  table: FlagTable,
  args: readonly string[],
  { short = {}, programFollows = false }: Pick<Command, "short" | "programFollows"> = {},
): Parts {
  const parts: Parts = { positionals: [], flagArgs: [], rest: [] };
  const words = [...args];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const arg = short[word] ?? SHORT[word] ?? word;
    if (arg === "--" && !(programFollows && parts.positionals.length === 0)) {
      parts.rest = words;
      break;
    }
    if (arg === "--") continue;
    if (!arg.startsWith("-") || arg === "-") {
      parts.positionals.push(arg);
      if (!programFollows) continue;
      parts.rest = words;
      break;
    }
    const letters = /^-([a-z]{2,})$/.exec(arg)?.[1]?.split("").map((letter) => short[`-${letter}`]);
    // As in `-it`.
    if (letters?.every((name) => name !== undefined && table[name.slice(2)]?.kind === "boolean")) {
      parts.flagArgs.push(...letters as string[]);
      continue;
    }
    parts.flagArgs.push(arg);
    const name = arg.slice(2);
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (flag && flag.kind !== "boolean" && words.length > 0) parts.flagArgs.push(words.shift()!);
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
