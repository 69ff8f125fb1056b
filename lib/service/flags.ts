import { KuasarError } from "../errors/mod.ts";

/** A flag of the command line, `--name VALUE`, or `--name` alone for a boolean. */
export interface Flag {
  /** `strings` may be given several times. */
  kind: "string" | "strings" | "integer" | "boolean";
  /** One line for `--help`. */
  help: string;
  /** Name of the value in the help, "DIR". */
  placeholder?: string;
  default?: string | number | boolean;
  /** The only values allowed. */
  oneOf?: readonly string[];
  /** Any of these, separated by commas. */
  anyOf?: readonly string[];
}

/** Flags by name without the dashes. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** The value of any flag. */
export type FlagValue = string | number | boolean | readonly string[] | undefined;

type ValueOf<F extends Flag> = F["kind"] extends "boolean" ? boolean
  : F["kind"] extends "strings" ? readonly string[]
  : F extends { default: string | number } ? Plain<F["kind"]>
  : Plain<F["kind"]> | undefined;
type Plain<K> = K extends "integer" ? number : string;

/** The values of a flag table. */
export type FlagValues<T extends FlagTable> = { [K in keyof T]: ValueOf<T[K]> };

/**
 * Reads the command line.
 *
 * @param table the flags that exist
 * @param args `--name value` or `--name=value`; nothing else is allowed
 * @throws {KuasarError} INVALID_ARGUMENT for an unknown flag, a missing or a bad value
 */
export function parseFlags<const T extends FlagTable>(table: T, args: readonly string[]): FlagValues<T> {
  const values: Record<string, FlagValue> = {};
  for (const [name, flag] of Object.entries(table)) {
    values[name] = flag.default ??
      (flag.kind === "boolean" ? false : flag.kind === "strings" ? [] : undefined);
  }
  for (let index = 0; index < args.length; index++) {
    const [, name, inline] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(args[index]!) ?? [];
    const flag = name === undefined || !Object.hasOwn(table, name) ? undefined : table[name];
    if (name === undefined || flag === undefined) {
      throw usageError(`Cannot use the argument ${JSON.stringify(args[index])}: there is no such flag`);
    }
    if (flag.kind === "boolean") {
      if (inline !== undefined) throw usageError(`Cannot use --${name}=${inline}: --${name} takes no value`);
      values[name] = true;
    } else {
      const text = inline ?? args[++index];
      if (text === undefined) throw usageError(`Cannot use --${name}: its value is missing`);
      const value = parseValue(name, flag, text);
      values[name] = flag.kind === "strings" ? [...values[name] as readonly string[], String(value)] : value;
    }
  }
  return values as FlagValues<T>;
}

function parseValue(name: string, flag: Flag, text: string): string | number {
  if (flag.oneOf !== undefined && !flag.oneOf.includes(text)) {
    throw usageError(
      `Cannot use --${name} ${JSON.stringify(text)}: it must be one of ${flag.oneOf.join(", ")}`,
    );
  }
  const strange = flag.anyOf && text.split(",").find((part) => !flag.anyOf!.includes(part));
  if (strange !== undefined) {
    throw usageError(
      `Cannot use --${name} ${JSON.stringify(text)}: ${JSON.stringify(strange)} is none of ${
        flag.anyOf!.join(", ")
      }`,
    );
  }
  if (flag.kind === "string" || flag.kind === "strings") return text;
  if (!/^-?\d{1,15}$/.test(text)) {
    throw usageError(`Cannot use --${name} ${JSON.stringify(text)}: not an integer`);
  }
  return Number(text);
}

function usageError(message: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", message);
}

/** What `--help` prints about a program. */
export interface Usage {
  name: string;
  summary: string;
  flags: FlagTable;
  /** Command lines, each with a word on what it does. */
  examples?: readonly { command: string; does: string }[];
}

/** The text of `--help`. */
export function formatHelp({ name, summary, flags, examples = [] }: Usage): string {
  const rows = Object.entries(flags).map(([flag, { kind, placeholder, help, default: start, oneOf }]) => {
    const value = kind === "boolean" ? "" : ` ${placeholder ?? (kind === "integer" ? "N" : "VALUE")}`;
    const choice = oneOf === undefined ? "" : ` (${oneOf.join(", ")})`;
    const shown = start === undefined || start === false ? "" : ` [default: ${start}]`;
    return { left: `  --${flag}${value}`, right: help + choice + shown };
  });
  const width = Math.max(...rows.map((row) => row.left.length)) + 2;
  const lines = [`${name}: ${summary}`, "", `Usage: ${name} [FLAGS]`, "", "Flags:"];
  lines.push(...rows.map((row) => row.left.padEnd(width) + row.right));
  if (examples.length > 0) {
    lines.push("", "Examples:");
    for (const { command, does } of examples) lines.push(`  # ${does}`, `  ${command}`);
  }
  return lines.join("\n") + "\n";
}
