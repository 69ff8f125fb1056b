import { parse, TomlError } from "@std/toml";
import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { findKeyLines, type KeyLines, lineOf } from "./positions.ts";
import type { ConfigOf, TableSchema } from "./schema.ts";
import { type Finding, validate } from "./validate.ts";

/** Options of {@link loadConfig}. */
export interface LoadOptions {
  /** Directory of drop-ins. @default `<file>.d` */
  dropInDir?: string;
}

/** A file that was read: its values and where its keys stand. */
interface Source {
  file: string;
  values: Record<string, unknown>;
  lines: KeyLines;
}

/** A configuration file larger than this is a mistake. */
const MAX_BYTES = 1 << 20;

/**
 * Reads a configuration file and its drop-ins (`*.toml` in name order; later values win, arrays are replaced) and
 * checks them against a schema.
 *
 * @param file path; undefined gives all defaults
 * @throws {KuasarError} INVALID_ARGUMENT with one line of evidence `file:line: message` for each thing that is wrong,
 * NOT_FOUND when `file` is missing
 */
export function loadConfig<S extends TableSchema>(
  schema: S,
  file: string | undefined,
  options: LoadOptions = {},
): ConfigOf<S> {
  const problems: string[] = [];
  const sources: Source[] = [];
  for (const path of configFiles(file, options.dropInDir)) {
    try {
      const source = readSource(path);
      problems.push(...problemsOf(schema, source));
      sources.push(source);
    } catch (error) {
      if (!(error instanceof KuasarError && error.code === "INVALID_ARGUMENT")) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use the configuration: ${problems[0]}${more}`, {
      evidence: problems,
    });
  }
  const merged = sources.reduce<Record<string, unknown>>((all, { values }) => mergeTables(all, values), {});
  return validate(schema, merged, []) as ConfigOf<S>;
}

/**
 * Checks the text of a configuration file; for tests and for text that is not in a file.
 *
 * @param name stands in messages where the path would
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function parseConfig<S extends TableSchema>(schema: S, text: string, name = "config"): ConfigOf<S> {
  const source = parseSource(name, text);
  const problems = problemsOf(schema, source);
  if (problems.length > 0) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use the configuration: ${problems[0]}`, {
      evidence: problems,
    });
  }
  return validate(schema, source.values, []) as ConfigOf<S>;
}

function configFiles(file: string | undefined, dropInDir: string | undefined): string[] {
  const directory = dropInDir ?? (file === undefined ? undefined : `${file}.d`);
  const files = file === undefined ? [] : [file];
  if (directory === undefined) return files;
  try {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) =>
      name.endsWith(".toml")
    );
    files.push(...names.sort().map((name) => `${directory}/${name}`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw asKuasarError(error, `Cannot read ${directory}`);
  }
  return files;
}

function readSource(file: string): Source {
  let text: string;
  try {
    const { size } = Deno.statSync(file);
    if (size > MAX_BYTES) {
      throw new KuasarError("INVALID_ARGUMENT", `${file}: larger than ${MAX_BYTES} bytes`);
    }
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new KuasarError("NOT_FOUND", `Cannot read the configuration ${file}: there is no such file`);
    }
    throw asKuasarError(error, `Cannot read the configuration ${file}`);
  }
  return parseSource(file, text);
}

function parseSource(file: string, text: string): Source {
  try {
    return { file, values: parse(text, { unsafeKeyBehaviour: "throw" }), lines: findKeyLines(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    throw new KuasarError("INVALID_ARGUMENT", `${file}:${error.line}:${error.column}: ${reason}`, {
      cause: error,
    });
  }
}

function problemsOf(schema: TableSchema, { file, values, lines }: Source): string[] {
  const findings: Finding[] = [];
  validate(schema, values, findings);
  return findings
    .map(({ path, message }) => ({ line: lineOf(lines, path) ?? 0, message }))
    .sort((left, right) => left.line - right.line)
    .map(({ line, message }) => `${file}${line === 0 ? "" : `:${line}`}: ${message}`);
}

function mergeTables(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isTable(before) && isTable(value) ? mergeTables(before, value) : value;
  }
  return merged;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
