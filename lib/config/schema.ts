/**
 * What a configuration file may hold. Build one with {@link table}, {@link text}, {@link integer}, … and get its
 * TypeScript type with {@link ConfigOf}.
 */
export type Schema =
  | TextSchema
  | IntegerSchema
  | NumberSchema
  | BooleanSchema
  | ListSchema
  | TableSchema
  | MapSchema;

/** What every key has. `T` is only there for the type of the value. */
interface Common<T> {
  /** One line for the documentation. */
  help?: string;
  /** The value where the file has none; without one the key may be missing. */
  default?: T;
}

/** A string. */
export interface TextSchema extends Common<string> {
  kind: "string";
  oneOf?: readonly string[];
  pattern?: RegExp;
}
/** A whole number. */
export interface IntegerSchema extends Common<number> {
  kind: "integer";
  min?: number;
  max?: number;
}
/** A number, whole or not. */
export interface NumberSchema extends Common<number> {
  kind: "number";
  min?: number;
  max?: number;
}
/** true or false. */
export interface BooleanSchema extends Common<boolean> {
  kind: "boolean";
}
/** An array of one kind of value. */
export interface ListSchema<I extends Schema = Schema> extends Common<readonly unknown[]> {
  kind: "array";
  items: I;
}
/** A table with fixed keys. */
export interface TableSchema<K extends Readonly<Record<string, Schema>> = Readonly<Record<string, Schema>>> {
  kind: "table";
  help?: string;
  keys: K;
}
/** A table with keys that the user chooses and one kind of value. */
export interface MapSchema<V extends Schema = Schema> {
  kind: "map";
  help?: string;
  values: V;
}

/** The type of a checked configuration. Keys without a default may be undefined. */
export type ConfigOf<S> = S extends TableSchema<infer K> ? { readonly [P in keyof K]: ConfigOf<K[P]> }
  : S extends MapSchema<infer V> ? Readonly<Record<string, ConfigOf<V>>>
  : S extends { default: unknown } ? ValueOf<S>
  : ValueOf<S> | undefined;

type ValueOf<S> = S extends { oneOf: readonly (infer O)[] } ? O
  : S extends { kind: "string" } ? string
  : S extends { kind: "integer" | "number" } ? number
  : S extends { kind: "boolean" } ? boolean
  : S extends ListSchema<infer I> ? readonly Exclude<ConfigOf<I>, undefined>[]
  : never;

/** A key with a string. */
export function text<const O extends Omit<TextSchema, "kind">>(options: O = {} as O): { kind: "string" } & O {
  return { kind: "string", ...options };
}
/** A key with a whole number. */
export function integer<const O extends Omit<IntegerSchema, "kind">>(
  options: O = {} as O,
): { kind: "integer" } & O {
  return { kind: "integer", ...options };
}
/** A key with a number. */
export function number<const O extends Omit<NumberSchema, "kind">>(
  options: O = {} as O,
): { kind: "number" } & O {
  return { kind: "number", ...options };
}
/** A key with true or false. */
export function boolean<const O extends Omit<BooleanSchema, "kind">>(
  options: O = {} as O,
): { kind: "boolean" } & O {
  return { kind: "boolean", ...options };
}
/** A key with an array. */
export function list<I extends Schema, const O extends Omit<ListSchema, "kind" | "items">>(
  items: I,
  options: O = {} as O,
): { kind: "array"; items: I } & O {
  return { kind: "array", items, ...options };
}
/** A table with fixed keys. */
export function table<K extends Readonly<Record<string, Schema>>>(keys: K, help?: string): TableSchema<K> {
  return { kind: "table", keys, ...(help !== undefined && { help }) };
}
/** A table with free keys. */
export function map<V extends Schema>(values: V, help?: string): MapSchema<V> {
  return { kind: "map", values, ...(help !== undefined && { help }) };
}
