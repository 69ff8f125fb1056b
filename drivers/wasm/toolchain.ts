import { KuasarError } from "../../lib/errors/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import { AotCompiler } from "./aot/compiler.ts";
import type { WasmConfig } from "./config.ts";
import { type Engine, type EngineBuild, ENGINES } from "./engine/mod.ts";
import { type EngineRoot, makeEngineRoot, removeOldRoots } from "./engine_root.ts";

const VERSION_TIMEOUT_MS = 10_000;

/** An engine that is ready to run modules. */
export interface Toolchain {
  engine: Engine;
  build: EngineBuild;
  root: EngineRoot;
  /** Undefined where nothing is compiled ahead of time. */
  compiler: AotCompiler | undefined;
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
  const build = engine.parseVersion(await askVersion(config, engine));
  if (!build) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot use the engine: ${config.enginePath} does not say that it is ${engine.name}`,
    );
  }
  await Deno.mkdir(config.rootPath, { recursive: true, mode: 0o755 });
  const root = await makeEngineRoot(config.enginePath, config.rootPath);
  await removeOldRoots(root, driverDir);
  const compiler = config.aot && new AotCompiler(config.aot, { engine, build, root }, log);
  log.info("Uses an engine", { engine: build.text, plugins: build.plugins, root: root.path });
  return { engine, build, root, compiler };
}

async function askVersion({ enginePath, pluginPath }: WasmConfig, engine: Engine): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(enginePath, {
      args: [...engine.versionArgs],
      env: pluginPath === "" ? {} : { WASMEDGE_PLUGIN_PATH: pluginPath },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(VERSION_TIMEOUT_MS),
    }).output();
    return new TextDecoder().decode(stdout);
  } catch (cause) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot run the engine ${enginePath}`, { cause });
  }
}
