/** Configuration files in TOML, checked against a schema. */
export { type ConfigKey, configKeys, defaultConfig } from "./describe.ts";
export { loadConfig, type LoadOptions, parseConfig } from "./load.ts";
export {
  boolean,
  type ConfigOf,
  integer,
  list,
  map,
  number,
  type Schema,
  table,
  type TableSchema,
  text,
} from "./schema.ts";
