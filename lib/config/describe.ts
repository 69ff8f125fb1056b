import type { Schema, TableSchema } from "./schema.ts";

/** One key of a configuration file, for people. */
export interface ConfigKey {
  /** `sizing.max_vcpus`; `<name>` stands for keys that the user chooses. */
  path: string;
  /** What it may be: `integer >= 1`, `"a" or "b"`. */
  type: string;
  /** As TOML; undefined where the key may be missing. */
  value: string | undefined;
  help: string;
}

/** All keys below a table, in the order of the schema. */
export function configKeys(schema: TableSchema, prefix = ""): ConfigKey[] {
  return Object.entries(schema.keys).flatMap(([name, key]) => keysOf(key, prefix + name));
}

function keysOf(schema: Schema, path: string): ConfigKey[] {
  if (schema.kind === "table") return configKeys(schema, `${path}.`);
  if (schema.kind === "map") {
    return keysOf(schema.values, `${path}.<name>`).map((key) => ({
      ...key,
      value: undefined,
      help: [schema.help, key.help].filter(Boolean).join("; "),
    }));
  }
  const { default: value, help } = schema;
  return [{
    path,
    type: typeOf(schema),
    value: value === undefined ? undefined : JSON.stringify(value),
    help: help ?? "",
  }];
}

function typeOf(schema: Schema): string {
  switch (schema.kind) {
    case "string":
      return schema.oneOf?.map((choice) => JSON.stringify(choice)).join(" or ") ?? "string";
    case "integer":
    case "number": {
      const { kind, min, max } = schema;
      const bounds = [min === undefined ? "" : `>= ${min}`, max === undefined ? "" : `<= ${max}`];
      return [kind, bounds.filter(Boolean).join(", ")].filter(Boolean).join(" ");
    }
    case "array":
      return `list of ${typeOf(schema.items)}`;
    default:
      return schema.kind;
  }
}

/** A configuration file that changes nothing: every key with its default, commented out. */
export function defaultConfig(title: string, schema: TableSchema): string {
  const lines = [`# ${title} Drop-ins: <this file>.d/*.toml, in the order of their names.`];
  // A table's own keys come before its tables, or they would belong to the last of those.
  const keys = configKeys(schema).sort((a, b) => depth(a) - depth(b));
  let table = "";
  for (const { path, type, value, help } of keys) {
    const at = path.lastIndexOf(".");
    const name = path.slice(0, Math.max(at, 0));
    if (name !== table) lines.push("", `[${name}]`);
    table = name;
    lines.push("", ...help === "" ? [`# ${type}`] : [`# ${help} (${type})`]);
    lines.push(`# ${path.slice(at + 1)} = ${value ?? "..."}`);
  }
  return lines.join("\n") + "\n";
}

function depth({ path }: ConfigKey): number {
  return path.split(".").length;
}
