import { nearest } from "./nearest.ts";
import type { ListSchema, MapSchema, Schema, TableSchema } from "./schema.ts";

/** Something wrong at a key. */
export interface Finding {
  path: readonly string[];
  /** What is wrong and what would be right. */
  message: string;
}

/**
 * Checks a parsed configuration and fills in the defaults.
 *
 * @param findings everything that is wrong is added here
 * @returns the checked value; of use only when nothing was found
 */
export function validate(schema: Schema, value: unknown, findings: Finding[]): unknown {
  return check(schema, value, [], { root: schema, findings });
}

interface Context {
  root: Schema;
  findings: Finding[];
}

type Path = readonly string[];

function check(schema: Schema, value: unknown, path: Path, context: Context): unknown {
  switch (schema.kind) {
    case "table":
      return checkTable(schema, value, path, context);
    case "map":
      return checkMap(schema, value, path, context);
    case "array":
      return checkList(schema, value, path, context);
    default:
      return checkScalar(schema, value, path, context);
  }
}

function checkTable(
  schema: TableSchema,
  value: unknown,
  path: Path,
  context: Context,
): Record<string, unknown> {
  const found = tableOf(value, path, context);
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(found)) {
    if (!Object.hasOwn(schema.keys, key)) {
      const message = `unknown key ${quote([...path, key])}${suggestion(schema, path, key, context.root)}`;
      context.findings.push({ path: [...path, key], message });
    }
  }
  for (const [key, child] of Object.entries(schema.keys)) {
    result[key] = check(child, Object.hasOwn(found, key) ? found[key] : undefined, [...path, key], context);
  }
  return result;
}

function checkMap(schema: MapSchema, value: unknown, path: Path, context: Context): Record<string, unknown> {
  const entries = Object.entries(tableOf(value, path, context));
  return Object.fromEntries(
    entries.map(([key, item]) => [key, check(schema.values, item, [...path, key], context)]),
  );
}

function checkList(
  schema: ListSchema,
  value: unknown,
  path: Path,
  context: Context,
): readonly unknown[] | undefined {
  if (value === undefined) return schema.default;
  if (!Array.isArray(value)) {
    wrongType(`array of ${schema.items.kind}`, value, path, context);
    return schema.default;
  }
  return value.map((item, index) => check(schema.items, item, [...path, String(index)], context));
}

function tableOf(value: unknown, path: Path, context: Context): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeOf(value) === "table") return value as Record<string, unknown>;
  wrongType("table", value, path, context);
  return {};
}

function checkScalar(
  schema: Exclude<Schema, TableSchema | MapSchema | ListSchema>,
  value: unknown,
  path: Path,
  context: Context,
): unknown {
  if (value === undefined) return schema.default;
  const type = typeOf(value);
  if (type !== schema.kind && !(schema.kind === "number" && type === "integer")) {
    wrongType(schema.kind, value, path, context);
    return schema.default;
  }
  const problem = rangeProblem(schema, value);
  if (problem !== undefined) {
    const message = `${quote(path)} ${problem}, current value is ${JSON.stringify(value)}`;
    context.findings.push({ path, message });
  }
  return value;
}

function rangeProblem(schema: Schema, value: unknown): string | undefined {
  if (schema.kind === "string") {
    const given = value as string;
    if (schema.oneOf !== undefined && !schema.oneOf.includes(given)) {
      const near = nearest(given, schema.oneOf);
      return `must be one of ${schema.oneOf.join(", ")}${
        near === undefined ? "" : ` (did you mean "${near}"?)`
      }`;
    }
    if (schema.pattern !== undefined && !schema.pattern.test(given)) {
      return `must match ${schema.pattern.source}`;
    }
  }
  if (schema.kind === "integer" || schema.kind === "number") {
    const given = value as number;
    if (schema.min !== undefined && given < schema.min) return `must be at least ${schema.min}`;
    if (schema.max !== undefined && given > schema.max) return `must be at most ${schema.max}`;
  }
  return undefined;
}

function wrongType(expected: string, value: unknown, path: Path, { findings }: Context): void {
  const shown = JSON.stringify(value) ?? String(value);
  const cut = shown.length > 60 ? shown.slice(0, 60) + "…" : shown;
  findings.push({
    path,
    message: `${quote(path)} must be of type ${expected}, current value is ${cut} (${typeOf(value)})`,
  });
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  if (typeof value === "object" && value !== null) return value instanceof Date ? "date" : "table";
  return typeof value;
}

/** The nearest key of the same table, else the same or a near key elsewhere. */
function suggestion(schema: TableSchema, path: Path, key: string, root: Schema): string {
  const near = nearest(key, Object.keys(schema.keys));
  if (near !== undefined) return `, did you mean ${quote([...path, near])}?`;
  const elsewhere = new Map(allPaths(root).map((candidate) => [candidate.at(-1)!, candidate]));
  const other = nearest(key, elsewhere.keys());
  if (other !== undefined) return `, did you mean ${quote(elsewhere.get(other)!)}?`;
  const keys = Object.keys(schema.keys);
  return keys.length === 0
    ? ""
    : `, valid keys here are ${keys.slice(0, 12).join(", ")}${keys.length > 12 ? ", …" : ""}`;
}

function allPaths(schema: Schema, path: Path = []): Path[] {
  if (schema.kind !== "table") return [];
  return Object.entries(schema.keys).flatMap((
    [key, child],
  ) => [[...path, key], ...allPaths(child, [...path, key])]);
}

function quote(path: Path): string {
  return `"${path.join(".")}"`;
}
