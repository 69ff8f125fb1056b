import { QmpError } from "./qmp_error.ts";

type Kind = "string" | "number" | "boolean" | Schema;
/** The fields of an object, those with `?` optional; any other is refused, as serde's deny_unknown_fields does. */
export interface Schema {
  readonly [field: string]: Kind;
}

/** The commands and their arguments (`machine_manager/src/qmp/qmp_schema.rs`), as far as the stand-in serves them. */
export const COMMANDS: Readonly<Record<string, Schema>> = {
  qmp_capabilities: {},
  quit: {},
  stop: {},
  cont: {},
  "query-status": {},
  // A stub: an empty list, whatever is plugged in.
  "query-block": {},
  system_powerdown: {},
  "blockdev-add": {
    "node-name": "string",
    file: { driver: "string", filename: "string", "aio?": "string" },
    "cache?": { "no-flush?": "boolean", "direct?": "boolean" },
    "read-only?": "boolean",
    "driver?": "string",
    "discard?": "string",
  },
  "blockdev-del": { "node-name": "string" },
  device_add: {
    id: "string",
    driver: "string",
    "addr?": "string",
    "drive?": "string",
    "bus?": "string",
    "serial?": "string",
    "multifunction?": "boolean",
    "num-queues?": "number",
    "queue-size?": "number",
  },
  device_del: { id: "string" },
};

/**
 * Checks the arguments of a command.
 *
 * @throws {QmpError} in the words of the real one's parser
 */
export function checkArguments(schema: Schema, value: unknown): Record<string, unknown> {
  const object = (value ?? {}) as Record<string, unknown>;
  if (typeof value === "object" && Array.isArray(value)) {
    throw new QmpError("invalid type: sequence, expected a map");
  }
  const fields = new Map(Object.entries(schema).map(([key, kind]) => [key.replace("?", ""), kind]));
  for (const [key, inner] of Object.entries(object)) {
    const kind = fields.get(key);
    if (kind === undefined) {
      throw new QmpError(`unknown field \`${key}\`, expected one of ${[...fields.keys()].join(", ")}`);
    }
    const actual: string = typeof inner;
    if (typeof kind === "object") checkArguments(kind, inner);
    else if (actual !== kind) {
      throw new QmpError(`invalid type: ${JSON.stringify(inner)}, expected a ${kind}`);
    }
  }
  for (const key of Object.keys(schema)) {
    if (!key.endsWith("?") && !(key in object)) throw new QmpError(`missing field \`${key}\``);
  }
  return object;
}
