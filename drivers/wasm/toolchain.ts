import { KuasarError } from "../../lib/errors/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { programVersion } from "../contract/program_version.ts";
import { AotCompiler } from "./aot/compiler.ts";
import type { WasmConfig } from "./config.ts";
import { type Engine, type EngineBuild, ENGINES } from "./engine/mod.ts";
import { argumentsLibrary } from "./hidden_arguments.ts";
import { type EngineRoot, makeEngineRoot, removeOldRoots } from "./engine_root.ts";

/** An engine that is ready to run modules. */
export interface Toolchain {
  engine: Engine;
  build: EngineBuild;
  root: EngineRoot;
  /** Undefined where nothing is compiled ahead of time. */
  compiler: AotCompiler | undefined;
}

/** Asks the engine who it is. @throws {KuasarError} FAILED_PRECONDITION where it cannot be run */
export async function askEngine({ engine: name, enginePath, pluginPath }: WasmConfig): Promise<EngineBuild> {
  const engine = ENGINES[name];
  const { version: build, notes } = await programVersion(enginePath, engine.parseVersion, {
    args: engine.versionArgs,
    env: pluginPath === "" ? {} : { WASMEDGE_PLUGIN_PATH: pluginPath },
  });
  if (build) return build;
  const reason = notes[0] ?? `${enginePath} is missing, or does not say that it is ${engine.name}`;
  throw new KuasarError("FAILED_PRECONDITION", `Cannot use the engine: ${reason}`);
}

/**
 * Asks the engine who it is, and makes its root file system.
 *
 * @param driverDir directory of the driver, with the bundles of its containers
 * @throws {KuasarError} FAILED_PRECONDITION where the engine cannot be run
 */
export async function makeToolchain(
  config: WasmConfig,
  driverDir: string,
  log: Logger,
): Promise<Toolchain> {
  const engine = ENGINES[config.engine];
  const build = await askEngine(config);
  await Deno.mkdir(config.rootPath, { recursive: true, mode: 0o755 });
  const { enginePath, pausePath } = config;
  const library = (loader: string | undefined) => argumentsLibrary(pausePath, enginePath, loader);
  const root = await makeEngineRoot(enginePath, config.rootPath, library);
  await removeOldRoots(root, driverDir);
  const compiler = config.aot && new AotCompiler(config.aot, { engine, build, root }, log);
  log.info("Uses an engine", { engine: build.text, plugins: build.plugins, root: root.path });
  return { engine, build, root, compiler };
}
