import { posix } from "node:path";
import { KuasarError } from "../../lib/errors/mod.ts";
import { CRI_ANNOTATION } from "../../lib/oci/mod.ts";
import type { PreparedContainer } from "../contract/host/kind.ts";
import type { ArtifactStore } from "./artifact.ts";
import { chooseLayer } from "./artifact_manifest.ts";
import { declaredKind } from "./annotations.ts";
import { entryWord, findEntry } from "./entry.ts";
import { findFile } from "./find_file.ts";
import type { ModuleFormat } from "./module_format.ts";

/** The module of a container, on the host. */
export interface HostModule {
  /** On the host. */
  path: string;
  /** Inside the container's root file system; undefined for one that is not there. */
  inside: string | undefined;
  /** File name that the module is to have. */
  name: string;
  format: ModuleFormat;
  func: string | undefined;
}

/**
 * The module that a container runs: a file of its image, or where the image has no file system, a layer of it.
 *
 * @returns undefined for an ordinary Linux program
 * @throws {KuasarError} INVALID_ARGUMENT, NOT_FOUND, or what containerd answers
 */
export async function findModule(
  { spec, rootfs, bundle }: PreparedContainer,
  artifacts: ArtifactStore,
): Promise<HostModule | undefined> {
  const { name, func } = entryWord(spec);
  const reference = spec.annotations?.[CRI_ANNOTATION.imageName];
  if (reference !== undefined && declaredKind(spec.annotations) !== "smart" && isEmpty(rootfs)) {
    const namespace = posix.basename(posix.dirname(bundle));
    const layers = await artifacts.layers(namespace, reference);
    if (layers.length > 0) {
      const layer = chooseLayer(layers, name);
      const path = await artifacts.fetch(namespace, layer);
      const format = findFile(posix.dirname(path), `/${posix.basename(path)}`)?.format;
      if (format) return { path, inside: undefined, name: fileName(layer.title || name), format, func };
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot run the artifact ${reference}: its layer is not WebAssembly in its binary form`,
      );
    }
  }
  const entry = findEntry(spec, (path) => findFile(rootfs, path));
  return entry && {
    path: rootfs + entry.path,
    inside: entry.path,
    name: fileName(entry.path),
    format: entry.format,
    func: entry.func,
  };
}

/** A name for a module's file that nothing takes for something else. */
function fileName(path: string): string {
  const name = posix.basename(path);
  return /^\w[\w.-]{0,99}$/.test(name) ? name : "module.wasm";
}

function isEmpty(rootfs: string): boolean {
  return Deno.readDirSync(rootfs)[Symbol.iterator]().next().done === true;
}
