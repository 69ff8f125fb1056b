import { loadConfig } from "../../lib/config/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import { type ConfigFile, SCHEMA } from "./config_schema.ts";

/** The configuration of this driver after all checks. */
export interface QuarkDriverConfig {
  quarkPath: string;
  /** Of Quark itself. */
  configPath: string;
  startTimeoutMs: number;
  overheadBytes: bigint;
}

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_quark.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadQuarkDriverConfig(file: string | undefined): QuarkDriverConfig {
  return fromFile(loadConfig(SCHEMA, file ?? packagedFile("config_quark.toml")));
}

/** The configuration that a checked file means. */
export function fromFile({ runtime }: ConfigFile): QuarkDriverConfig {
  return {
    quarkPath: runtime.quark_path,
    configPath: runtime.config_path,
    startTimeoutMs: runtime.start_timeout * 1000,
    overheadBytes: BigInt(runtime.overhead_in_mb) << 20n,
  };
}
