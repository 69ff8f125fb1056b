import { basename, dirname } from "node:path";
import { cannot, checkedEnv, versionOf } from "./check.ts";
import type { Engine, EngineBuild, Preopen } from "./engine.ts";
import type { NnPreload } from "../nn_preload.ts";

/** Backends by the names that Wasmtime has for them. */
const NN_BACKENDS: ReadonlyMap<string, string> = new Map([
  ["openvino", "openvino"],
  ["onnx", "onnx"],
  ["pytorch", "pytorch"],
  ["winml", "winml"],
]);

/**
 * Wasmtime by its command line, tried with 49.
 *
 * It has no read-only directories: mounts that may not be written must be read-only themselves.
 *
 * @see https://docs.wasmtime.dev/cli-options.html
 */
export const wasmtime: Engine = {
  name: "wasmtime",
  versionArgs: ["--version"],
  compiledSuffix: ".cwasm",
  parseVersion: parseWasmtimeVersion,
  run(run) {
    return [
      "run",
      // There is no directory for it in a container, and code that was compiled comes from the driver's.
      "-Ccache=n",
      // The pod's network is the container's own.
      "-Sinherit-network=y,allow-ip-name-lookup=y",
      ...run.precompiled ? ["--allow-precompiled"] : [],
      ...run.memoryLimit === undefined ? [] : [`-Wmax-memory-size=${run.memoryLimit}`],
      ...run.preopens.flatMap(preopen),
      ...checkedEnv([...run.env, `PWD=${run.cwd}`]).map((entry) => `--env=${entry}`),
      ...nnPreload(run.nnPreloads),
      ...run.func === undefined ? [] : [`--invoke=${run.func}`],
      ...run.args.length === 0 || run.func !== undefined ? [] : [`--argv0=${run.args[0]}`],
      run.module,
      ...run.args.slice(1),
    ];
  },
  compile: (
    from,
    to,
    optimize,
  ) => ["compile", "-Ccache=n", `-Oopt-level=${OPTIMIZE[optimize]}`, "-o", to, from],
};

/** Cranelift knows 0, 1, 2 and s. */
const OPTIMIZE = { "0": "0", "1": "1", "2": "2", "3": "2", s: "s", z: "s" } as const;

/** Reads `wasmtime 49.0.3 (f96eabaa1 2026-10-14)`. */
export function parseWasmtimeVersion(output: string): EngineBuild | undefined {
  const match = /^wasmtime(?:-cli)? (?<text>(?<major>\d+)\.(?<minor>\d+)\S*)/m.exec(output);
  if (!match) return undefined;
  return { text: `Wasmtime ${match.groups?.["text"]}`, version: versionOf(match), plugins: [] };
}

/** `host::guest`; a host path with `::` in it would be cut there, but is still reached through the directory above it. */
function preopen({ guest, host }: Preopen): string[] {
  return host.includes("::") ? [] : [`--dir=${host}::${guest}`];
}

/** A graph is a directory, and its name the alias. */
function nnPreload(models: readonly NnPreload[]): string[] {
  return models.flatMap(({ alias, backend, path }) => {
    const format = NN_BACKENDS.get(backend.toLowerCase());
    if (!format) throw cannot("Wasmtime", `has no backend ${backend} for models`);
    if (basename(path) !== alias) {
      throw cannot(
        "Wasmtime",
        `names a model by its directory: ${alias} must be the last part of ${dirname(path)}/…`,
      );
    }
    return [`-Snn=y,nn-graph=${format}::${path}`];
  });
}
