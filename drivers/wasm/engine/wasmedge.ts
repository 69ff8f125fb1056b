import { KuasarError } from "../../../lib/errors/mod.ts";
import { cannot, checkedEnv, versionOf } from "./check.ts";
import type { Engine, EngineBuild, EngineRun, Preopen } from "./engine.ts";

/** Bytes of a page of linear memory. */
const PAGE = 65_536n;
/** What a memory with 32-bit addresses can have. */
const MAX_PAGES = 65_536n;

/** The plugin behind `--nn-preload`. */
const NN_PLUGIN = "wasi_nn";

/** From this version on code that was compiled ahead of time is used only where it is asked for. */
const EXPLICIT_AOT = { major: 0, minor: 17 };

/**
 * WasmEdge by its command line, versions 0.13 to 0.17.
 *
 * All options precede the module: what stands behind it belongs to the guest. They are written as `--name=value`, since
 * a value of its own that begins with a dash would be taken for an option.
 *
 * @see https://wasmedge.org/docs/start/build-and-run/cli/
 */
export const wasmEdge: Engine = {
  name: "wasmedge",
  versionArgs: ["--version"],
  // "Universal": the module with native code behind it. Another WasmEdge version interprets it, where a `.so` would fail.
  compiledSuffix: ".wasm",
  parseVersion: parseWasmEdgeVersion,
  run(run, build) {
    if (run.format === "component") throw cannot(build.text, "runs core modules only, this is a component");
    return [
      "run",
      ...run.precompiled && isAtLeast(build, EXPLICIT_AOT) ? ["--run-mode=aot"] : [],
      ...memoryLimit(run.memoryLimit),
      ...run.preopens.flatMap(preopen),
      ...checkedEnv([...run.env, `PWD=${run.cwd}`]).map((entry) => `--env=${entry}`),
      ...nnPreload(run, build),
      // A reactor is initialized and then called by name.
      ...run.func === undefined ? [] : ["--reactor"],
      run.module,
      ...run.func === undefined ? [] : [run.func],
      // The first argument cannot be set: it is always the file's name.
      ...run.args.slice(1),
    ];
  },
  compile: (from, to, optimize) => ["compile", `--optimize=${optimize}`, from, to],
};

/** Reads `wasmedge version 0.14.1` and the plugins below it. */
export function parseWasmEdgeVersion(output: string): EngineBuild | undefined {
  const match = /\bversion (?<text>(?<major>\d+)\.(?<minor>\d+)\S*)/.exec(output);
  if (!match) return undefined;
  return {
    text: `WasmEdge ${match.groups?.["text"]}`,
    version: versionOf(match),
    plugins: [...output.matchAll(/\(plugin "([^"]+)"\)/g)].map(([, name]) => name!),
  };
}

function isAtLeast({ version }: EngineBuild, { major, minor }: EngineBuild["version"]): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}

function memoryLimit(bytes: bigint | undefined): string[] {
  if (bytes === undefined) return [];
  const pages = bytes / PAGE;
  if (pages >= MAX_PAGES) return [];
  return [`--memory-page-limit=${pages < 1n ? 1n : pages}`];
}

/** `guest:host[:readonly]`; a path with a colon has no such form, but is still reached through the directory above it. */
function preopen({ guest, host, readOnly }: Preopen): string[] {
  if (guest.includes(":") || host.includes(":")) return [];
  return [`--dir=${guest}:${host}${readOnly ? ":readonly" : ""}`];
}

function nnPreload({ nnPreloads }: EngineRun, { plugins, text }: EngineBuild): string[] {
  if (nnPreloads.length > 0 && !plugins.includes(NN_PLUGIN)) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot preload a model: this ${text} has no plugin ${NN_PLUGIN}; engine.plugin_path names the folder of plugins`,
    );
  }
  return nnPreloads.map(({ alias, backend, target, path }) =>
    `--nn-preload=${alias}:${backend}:${target}:${path}`
  );
}
