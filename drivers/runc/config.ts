import { loadConfig } from "../../lib/config/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import { type ConfigFile, SCHEMA } from "./config_schema.ts";

/** The configuration of this driver after all checks. */
export interface RuncConfig {
  /** Absolute path of the OCI runtime. */
  runtimePath: string;
  /** Before the verb of each call. */
  runtimeArgs: readonly string[];
  pausePath: string;
  /** CRIU, for checkpoints; need not be there. */
  criuPath: string;
}

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_runc.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadRuncConfig(file: string | undefined): RuncConfig {
  return fromFile(loadConfig(SCHEMA, file ?? packagedFile("config_runc.toml")));
}

/** The configuration that a checked file means. */
export function fromFile({ runtime }: ConfigFile): RuncConfig {
  return {
    runtimePath: runtime.runtime_path,
    runtimeArgs: runtime.runtime_args,
    pausePath: runtime.pause_path,
    criuPath: runtime.criu_path,
  };
}
