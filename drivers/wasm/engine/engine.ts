import type { ModuleFormat } from "../module_format.ts";
import type { NnPreload } from "../nn_preload.ts";

/** A directory that a module may use. */
export interface Preopen {
  /** Its absolute path as the module knows it. */
  guest: string;
  /** Where the engine finds it. */
  host: string;
  readOnly: boolean;
}

/** One run of a module, as an engine's command line is made from it. All paths are the engine's. */
export interface EngineRun {
  module: string;
  format: ModuleFormat;
  /** True where `module` is what {@link Engine.compile} has made. */
  precompiled: boolean;
  /** Exported function that is called; undefined for `_start`. */
  func: string | undefined;
  /** `argv` of the module with its first word, which some engines replace by the module's file name. */
  args: readonly string[];
  /** `NAME=value` each. */
  env: readonly string[];
  /** Working directory that the module is told; WASI preview 1 has none but the variable PWD. */
  cwd: string;
  preopens: readonly Preopen[];
  /** Bytes of linear memory at most; undefined for no limit. */
  memoryLimit: bigint | undefined;
  nnPreloads: readonly NnPreload[];
}

/** What a program says of itself. */
export interface EngineBuild {
  /** `WasmEdge 0.14.1`. */
  text: string;
  version: { major: number; minor: number };
  /** Plugins that it has loaded. */
  plugins: readonly string[];
}

/** A Wasm runtime that is called by its command line. Nothing here has an effect. */
export interface Engine {
  /** `wasmedge`. */
  name: string;
  /** Arguments that make the program print its version. */
  versionArgs: readonly string[];
  /** Ending of the files that it compiles. */
  compiledSuffix: string;
  /** Reads what the program prints of its version; undefined for something else. */
  parseVersion(output: string): EngineBuild | undefined;
  /**
   * Arguments that run a module.
   *
   * @throws {KuasarError} UNIMPLEMENTED for what the engine cannot do, FAILED_PRECONDITION for a plugin that is missing,
   *   INVALID_ARGUMENT for what cannot be put on its command line
   */
  run(run: EngineRun, build: EngineBuild): string[];
  /** Arguments that compile a module ahead of time. */
  compile(from: string, to: string, optimize: OptimizeLevel): string[];
}

/** How hard code is optimized. */
export type OptimizeLevel = "0" | "1" | "2" | "3" | "s" | "z";
/** Every {@link OptimizeLevel}. */
export const OPTIMIZE_LEVELS = ["0", "1", "2", "3", "s", "z"] as const satisfies readonly OptimizeLevel[];
