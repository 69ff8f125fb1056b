import { loadConfig } from "../../lib/config/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import type { AotSettings } from "./aot/compiler.ts";
import type { ArtifactLimits } from "./artifact.ts";
import { type ConfigFile, SCHEMA } from "./config_schema.ts";
import type { EngineName } from "./engine/mod.ts";

/** The configuration of this driver after all checks. */
export interface WasmConfig {
  engine: EngineName;
  /** The engine's program. */
  enginePath: string;
  /** Empty for none. */
  pluginPath: string;
  rootPath: string;
  /** 0 for none. */
  timeLimitMs: number;
  aot: AotSettings | undefined;
  /** Absolute path of the OCI runtime. */
  runtimePath: string;
  /** Before the verb of each call. */
  runtimeArgs: readonly string[];
  pausePath: string;
  /** containerd's socket. */
  containerdAddress: string;
  artifacts: ArtifactLimits;
}

const MIB = 1024 * 1024;

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_wasm.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadWasmConfig(file: string | undefined): WasmConfig {
  const path = file ?? packagedFile("config_wasm.toml");
  return fromFile(loadConfig(SCHEMA, path), path ?? "the built-in configuration");
}

/**
 * The configuration that a checked file means.
 *
 * @param name of the file, for messages
 * @throws {KuasarError} INVALID_ARGUMENT for keys that contradict each other
 */
export function fromFile({ engine, aot, runtime, containerd }: ConfigFile, name: string): WasmConfig {
  const invalid = (reason: string) => new KuasarError("INVALID_ARGUMENT", `Cannot use ${name}: ${reason}`);
  if (engine.name !== "wasmedge" && engine.plugin_path) {
    throw invalid(`engine.plugin_path has a meaning for WasmEdge only, and engine.name is ${engine.name}`);
  }
  const enginePath = engine.path || `/usr/bin/${engine.name}`;
  for (
    const [key, path] of Object.entries({
      "engine.path": enginePath,
      "engine.root_path": engine.root_path,
      "aot.cache_path": aot.cache_path,
      "runtime.runtime_path": runtime.runtime_path,
      "runtime.pause_path": runtime.pause_path,
      "containerd.address": containerd.address,
    })
  ) {
    if (!path.startsWith("/")) throw invalid(`${key} must be an absolute path, is ${JSON.stringify(path)}`);
  }
  return {
    engine: engine.name,
    enginePath,
    pluginPath: engine.plugin_path,
    rootPath: engine.root_path,
    timeLimitMs: engine.time_limit_ms,
    aot: aot.mode === "off" ? undefined : {
      mode: aot.mode,
      optimize: aot.optimize,
      folder: aot.cache_path,
      limitBytes: aot.cache_size_mib * MIB,
      maxModuleBytes: aot.max_module_mib * MIB,
      limits: { memoryMib: aot.max_memory_mib, timeoutMs: aot.timeout_s * 1000 },
    },
    runtimePath: runtime.runtime_path,
    runtimeArgs: runtime.runtime_args,
    pausePath: runtime.pause_path,
    containerdAddress: containerd.address,
    artifacts: {
      maxBytes: containerd.max_module_mib * MIB,
      limitBytes: containerd.artifact_cache_mib * MIB,
    },
  };
}
