import { ApiError, strictness } from "./api_error.ts";

/** What a JSON value must be. */
export type BodyRule =
  | { kind: "string" }
  | { kind: "boolean" }
  | { kind: "integer"; min: bigint; max: bigint }
  | { kind: "enum"; values: readonly string[] }
  | { kind: "array"; items: BodyRule }
  | { kind: "object"; fields: Readonly<Record<string, FieldRule>> };

/** A field of an object. */
export interface FieldRule {
  rule: BodyRule;
  required?: boolean;
  /** The first version that knows it; earlier ones drop it in silence. */
  since?: number;
}

/**
 * Checks a value as the real program does (types and required fields: 400), and more strictly: a field that the
 * given version does not know is refused, where the real one would drop it.
 *
 * @param version major version
 * @throws {ApiError} 400
 */
export function checkBody(rule: BodyRule, value: unknown, version: number, path = ""): void {
  const refuse = (wanted: string) => {
    throw new ApiError(
      400,
      "The request cannot be deserialized",
      `invalid type at ${path || "."}: ${JSON.stringify(value)}, expected ${wanted}`,
    );
  };
  switch (rule.kind) {
    case "string":
      if (typeof value !== "string") refuse("a string");
      break;
    case "boolean":
      if (typeof value !== "boolean") refuse("a boolean");
      break;
    case "integer":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) refuse("an integer");
      else if (BigInt(value) < rule.min || BigInt(value) > rule.max) {
        refuse(`an integer from ${rule.min} to ${rule.max}`);
      }
      break;
    case "enum":
      if (typeof value !== "string" || !rule.values.includes(value)) {
        refuse(`one of ${rule.values.join(", ")}`);
      }
      break;
    case "array":
      if (!Array.isArray(value)) refuse("a sequence");
      else value.forEach((item, index) => checkBody(rule.items, item, version, `${path}[${index}]`));
      break;
    case "object":
      if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("a map");
      else checkFields(rule.fields, value as Record<string, unknown>, version, path);
  }
}

function checkFields(
  fields: Readonly<Record<string, FieldRule>>,
  value: Record<string, unknown>,
  version: number,
  path: string,
): void {
  for (const [name, { required }] of Object.entries(fields)) {
    if (required && value[name] === undefined) {
      throw new ApiError(400, "The request cannot be deserialized", `missing field ${path}.${name}`);
    }
  }
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw strictness(`${path}.${name} is no field, it would be dropped`);
    if (field.since !== undefined && version < field.since) {
      throw strictness(`${path}.${name} is known from v${field.since} on, v${version} would drop it`);
    }
    // serde takes null for an optional field.
    if (item !== null || field.required) checkBody(field.rule, item, version, `${path}.${name}`);
  }
}
