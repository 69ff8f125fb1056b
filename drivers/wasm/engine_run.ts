import type { Mount, Spec } from "../../lib/oci/mod.ts";
import type { EngineRun, Preopen } from "./engine/mod.ts";
import type { ModuleFormat } from "./module_format.ts";
import { nnPreloads } from "./nn_preload.ts";

/** Where the engine, in a root of its own, finds the container's root file system. */
export const GUEST_ROOT = "/rootfs";
/** Where it finds a module that is no file of the image: one of an artifact, or one that was compiled ahead of time. */
export const MODULE_DIR = "/module";

/** The module as the engine finds it. */
export interface ModuleFile {
  path: string;
  format: ModuleFormat;
  precompiled: boolean;
  /** Undefined for `_start`. */
  func: string | undefined;
}

/** What a spec has as a volume. */
export interface Volume {
  /** Where it is mounted, without a symbolic link: absolute, below the container's root. */
  path: string;
  mount: Mount;
  isDirectory: boolean;
}

/**
 * What an engine runs for a container's spec.
 *
 * Everything that the module may touch is below {@link GUEST_ROOT}: the image, and the volumes mounted in it. `/` is
 * preopened, and each volume that is a directory once more, as programs look for them.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for models that are not well written
 */
export function engineRun(
  { process, root, linux, annotations }: Spec,
  module: ModuleFile,
  volumes: readonly Volume[],
): EngineRun {
  const limit = linux?.resources?.memory?.limit;
  return {
    module: module.path,
    precompiled: module.precompiled,
    format: module.format,
    func: module.func,
    args: process?.args ?? [],
    env: process?.env ?? [],
    cwd: process?.cwd ?? "/",
    preopens: [
      { guest: "/", host: GUEST_ROOT, readOnly: root?.readonly ?? false },
      ...volumes.filter(({ isDirectory }) => isDirectory).map(preopenOf),
    ],
    memoryLimit: limit !== undefined && BigInt(limit) > 0n ? BigInt(limit) : undefined,
    nnPreloads: nnPreloads(annotations, process?.env).map((model) => ({
      ...model,
      path: GUEST_ROOT + model.path,
    })),
  };
}

function preopenOf({ path, mount }: Volume): Preopen {
  return { guest: mount.destination, host: GUEST_ROOT + path, readOnly: isReadOnly(mount) };
}

/** True for a mount that may not be written. */
function isReadOnly({ options = [] }: Mount): boolean {
  return options.includes("ro") || options.includes("rro");
}
