/** What a JSON value must be. */
export type BodyRule =
  | { kind: "string"; pattern?: RegExp; wanted?: string }
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
  /** True where it has a value of its own when it is left out: serde then takes no null for it. */
  withDefault?: true;
}

/** How a program tells what is wrong with a body. */
export interface Refusals {
  /** A value of another type. */
  type(path: string, value: unknown, wanted: string): Error;
  missing(path: string): Error;
  /** A field that the program does not know; `since` where a later version does. */
  unknown(path: string, known: readonly string[], since: number | undefined): Error;
}

/**
 * Checks a value as serde does.
 *
 * @param version major version
 * @throws what `refuse` makes
 */
export function checkBody(
  rule: BodyRule,
  value: unknown,
  version: number,
  refuse: Refusals,
  path = "",
): void {
  const wrong = (wanted: string) => {
    throw refuse.type(path, value, wanted);
  };
  switch (rule.kind) {
    case "string":
      if (typeof value !== "string") wrong("a string");
      else if (rule.pattern && !rule.pattern.test(value)) wrong(rule.wanted ?? String(rule.pattern));
      break;
    case "boolean":
      if (typeof value !== "boolean") wrong("a boolean");
      break;
    case "integer":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) wrong("an integer");
      else if (BigInt(value) < rule.min || BigInt(value) > rule.max) {
        wrong(`an integer from ${rule.min} to ${rule.max}`);
      }
      break;
    case "enum":
      if (typeof value !== "string" || !rule.values.includes(value)) {
        wrong(`one of ${rule.values.join(", ")}`);
      }
      break;
    case "array":
      if (!Array.isArray(value)) wrong("a sequence");
      else value.forEach((item, index) => checkBody(rule.items, item, version, refuse, `${path}[${index}]`));
      break;
    case "object":
      if (typeof value !== "object" || value === null || Array.isArray(value)) wrong("a map");
      else checkFields(rule.fields, value as Record<string, unknown>, version, refuse, path);
  }
}

function checkFields(
  fields: Readonly<Record<string, FieldRule>>,
  value: Record<string, unknown>,
  version: number,
  refuse: Refusals,
  path: string,
): void {
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined || (field.since !== undefined && version < field.since)) {
      throw refuse.unknown(`${path}.${name}`, Object.keys(fields), field?.since);
    }
    // serde takes null for an optional field that is nothing when it is left out.
    if (item !== null || field.required || field.withDefault) {
      checkBody(field.rule, item, version, refuse, `${path}.${name}`);
    }
  }
  for (const [name, { required }] of Object.entries(fields)) {
    if (required && value[name] === undefined) throw refuse.missing(`${path}.${name}`);
  }
}

type Fields = Record<string, BodyRule | FieldRule>;

/** An object; the fields of `required` must be there. */
export function object(required: Fields, optional: Fields): BodyRule {
  const fields: Record<string, FieldRule> = {};
  const add = (from: Fields, isRequired: boolean) => {
    for (const [name, rule] of Object.entries(from)) {
      fields[name] = { ...("rule" in rule ? rule : { rule }), required: isRequired };
    }
  };
  add(required, true);
  add(optional, false);
  return { kind: "object", fields };
}

/** Any string. */
export const text: BodyRule = { kind: "string" };
/** A MAC address. */
export const macAddress: BodyRule = {
  kind: "string",
  pattern: /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i,
  wanted: "a MAC address",
};
/** true or false. */
export const flag: BodyRule = { kind: "boolean" };
/** An integer of so many bits without a sign. */
export const unsigned = (bits: number): BodyRule => ({
  kind: "integer",
  min: 0n,
  max: 2n ** BigInt(bits) - 1n,
});
export const u8 = unsigned(8);
export const u16 = unsigned(16);
export const u32 = unsigned(32);
export const u64 = unsigned(64);
/** One of some strings. */
export const oneOf = (...values: string[]): BodyRule => ({ kind: "enum", values });
/** A sequence. */
export const list = (items: BodyRule): BodyRule => ({ kind: "array", items });
/** A field that is known from a version on. */
export const since = (version: number, rule: BodyRule): FieldRule => ({ rule, since: version });
/** A field that has a value of its own when it is left out; null is none. */
export const defaulted = (field: BodyRule | FieldRule): FieldRule => ({
  ...("rule" in field ? field : { rule: field }),
  withDefault: true,
});

/** A checked value without the fields that are null: for a program with serde they were left out. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const pairs = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(pairs.map(([key, item]) => [key, withoutNulls(item)]));
}
