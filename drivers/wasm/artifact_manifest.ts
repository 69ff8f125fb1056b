import { KuasarError } from "../../lib/errors/mod.ts";

/** A layer that is a module. */
export interface ArtifactLayer {
  /** `sha256:<hex>` */
  digest: string;
  /** File name that the artifact gives it; empty where it gives none. */
  title: string;
}

/**
 * Media types of layers that are modules: CNCF's, and those that came before it.
 *
 * @see https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/
 */
const WASM_LAYERS: readonly string[] = [
  "application/wasm",
  "application/vnd.wasm.content.layer.v1+wasm",
  "application/vnd.module.wasm.content.layer.v1+wasm",
  "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];
const MAX_LAYERS = 256;
const TITLE = "org.opencontainers.image.title";

/**
 * The layers of a manifest that are modules.
 *
 * @param reference for messages
 * @returns none for an index, or an ordinary image
 * @throws {KuasarError} INVALID_ARGUMENT for what is no manifest
 */
export function wasmLayers(json: string, reference: string): ArtifactLayer[] {
  let manifest: unknown;
  try {
    manifest = JSON.parse(json);
  } catch {
    throw invalid(reference, "its manifest is not JSON");
  }
  const layers = property(manifest, "layers");
  if (layers === undefined) return [];
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) {
    throw invalid(reference, "its layers are no list");
  }
  return layers.flatMap((layer) => {
    if (!WASM_LAYERS.includes(String(property(layer, "mediaType")))) return [];
    const digest = property(layer, "digest");
    if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw invalid(reference, "a layer has no digest of sha256");
    }
    const title = property(property(layer, "annotations"), TITLE);
    return [{ digest, title: typeof title === "string" ? title : "" }];
  });
}

/**
 * The layer that an entry means: the one with its name as title, else the only one.
 *
 * @throws {KuasarError} INVALID_ARGUMENT where several could be meant
 */
export function chooseLayer(layers: readonly ArtifactLayer[], name: string): ArtifactLayer {
  const titled = layers.find(({ title }) => title !== "" && title === name.replace(/^.*\//s, ""));
  const chosen = titled ?? (layers.length === 1 ? layers[0] : undefined);
  if (chosen) return chosen;
  const titles = layers.map(({ title }) => title || "one without a title").join(", ");
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot run ${JSON.stringify(name)}: the artifact has several modules, and none is called so (${titles})`,
  );
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function invalid(reference: string, reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot read the artifact ${reference}: ${reason}`);
}
