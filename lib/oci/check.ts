import { KuasarError } from "../errors/mod.ts";
import { stringifyExact } from "./json.ts";

/** Checks a value found at `path` (such as `mounts[3].source`). @throws INVALID_ARGUMENT */
export type Check = (value: unknown, path: string) => void;

/** How much of a wrong value an error shows. */
const SHOWN_CHARACTERS = 60;

/** Says what is wrong, where, and what stands there. @throws INVALID_ARGUMENT always */
export function refuse(path: string, wanted: string, value: unknown): never {
  const text = value === undefined ? "missing" : stringifyExact(value) ?? String(value);
  const shown = text.length > SHOWN_CHARACTERS ? text.slice(0, SHOWN_CHARACTERS) + "…" : text;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot use the OCI spec: ${path} must be ${wanted}, is ${shown}`,
  );
}

/** True or false. */
export const bool: Check = (value, path) => {
  if (typeof value !== "boolean") refuse(path, "true or false", value);
};

/** A string without NUL, which the kernel would take for the end of a path. */
export const text: Check = (value, path) => {
  if (typeof value !== "string") refuse(path, "a string", value);
  if (value.includes("\0")) refuse(path, "a string without NUL", value);
};

/** A string that begins with a slash. */
export const absolutePath: Check = (value, path) => {
  text(value, path);
  if (!(value as string).startsWith("/")) refuse(path, "an absolute path", value);
};

/** An integer; a bigint is one that a double cannot hold. */
export const integer: Check = (value, path) => {
  if (typeof value === "bigint") return;
  if (typeof value !== "number" || !Number.isInteger(value)) refuse(path, "an integer", value);
};

/** An integer of 0 or more. */
export const natural: Check = (value, path) => {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    refuse(path, "an integer of 0 or more", value);
  }
};

/** Anything at all: carried along, not read. */
export const anything: Check = () => {};

/** One of some words. */
export function oneOf(words: readonly string[]): Check {
  return (value, path) => {
    if (!words.includes(value as string)) refuse(path, `one of ${words.join(", ")}`, value);
  };
}

/** A list of at most `max` items. */
export function list(item: Check, max: number): Check {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, "a list", value);
    if (value.length > max) refuse(path, `a list of at most ${max} items`, value.length);
    value.forEach((one, index) => item(one, `${path}[${index}]`));
  };
}

/** An object whose keys are free and whose values all pass `item`. */
export function record(item: Check, max: number): Check {
  return (value, path) => {
    const entries = Object.entries(asObject(value, path));
    if (entries.length > max) refuse(path, `an object of at most ${max} keys`, entries.length);
    for (const [key, one] of entries) item(one, `${path}[${JSON.stringify(key)}]`);
  };
}

/** An object with these properties; those not in `required` may be absent (or null), others are let through. */
export function object(properties: Record<string, Check>, required: readonly string[] = []): Check {
  const checks = Object.entries(properties);
  return (value, path) => {
    const found = asObject(value, path);
    for (const [key, check] of checks) {
      const own = Object.hasOwn(found, key) ? found[key] : undefined;
      if (own !== undefined && own !== null) check(own, path ? `${path}.${key}` : key);
      else if (required.includes(key)) refuse(path ? `${path}.${key}` : key, "present", own);
    }
  };
}

function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(path || "the document", "an object", value);
  }
  return value as Record<string, unknown>;
}
