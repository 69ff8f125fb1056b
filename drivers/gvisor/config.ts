import { loadConfig } from "../../lib/config/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import { type ConfigFile, type NETWORKS, type PLATFORMS, SCHEMA } from "./config_schema.ts";

/** The configuration of this driver after all checks. */
export interface GvisorConfig {
  runtimePath: string;
  pausePath: string;
  createTimeoutMs: number;
  overheadBytes: bigint;
  /** Empty for none. */
  checkpointDir: string;
  kubeletDir: string;
  platform: (typeof PLATFORMS)[number];
  network: (typeof NETWORKS)[number];
  overlay2: string;
  hostUds: string;
  hostFifo: string;
  netRaw: boolean;
  ociSeccomp: boolean;
  /** Empty for none. */
  debugLog: string;
  args: readonly string[];
}

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_gvisor.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadGvisorConfig(file: string | undefined): GvisorConfig {
  return fromFile(loadConfig(SCHEMA, file ?? packagedFile("config_gvisor.toml")));
}

/** The configuration that a checked file means. */
export function fromFile({ runtime, runsc }: ConfigFile): GvisorConfig {
  return {
    runtimePath: runtime.runtime_path,
    pausePath: runtime.pause_path,
    createTimeoutMs: runtime.create_timeout * 1000,
    overheadBytes: BigInt(runtime.overhead_in_mb) << 20n,
    checkpointDir: runtime.checkpoint_dir,
    kubeletDir: runtime.kubelet_dir,
    platform: runsc.platform as GvisorConfig["platform"],
    network: runsc.network as GvisorConfig["network"],
    overlay2: runsc.overlay2,
    hostUds: runsc.host_uds,
    hostFifo: runsc.host_fifo,
    netRaw: runsc.net_raw,
    ociSeccomp: runsc.oci_seccomp,
    debugLog: runsc.debug_log,
    args: runsc.args,
  };
}
