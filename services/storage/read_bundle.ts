import { resolve } from "node:path";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { MAX_SPEC_LENGTH, parseSpec, type Spec } from "../../lib/oci/mod.ts";

/** A bundle of containerd's. */
export interface Bundle {
  spec: Spec;
  /** The root file system that the spec names, used where a request brings no mounts. */
  rootfsDir: string;
}

/**
 * Reads `config.json` of a bundle, of bounded size.
 *
 * @throws INVALID_ARGUMENT where it is missing or wrong
 */
export function readBundle(dir: string): Bundle {
  if (!dir.startsWith("/")) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the bundle ${JSON.stringify(dir)}: not an absolute path`,
    );
  }
  const spec = parseSpec(readBounded(`${dir}/config.json`));
  return { spec, rootfsDir: resolve(dir, spec.root?.path ?? "rootfs") };
}

function readBounded(path: string): string {
  try {
    using file = Deno.openSync(path);
    const { isFile, size } = file.statSync();
    if (!isFile || size > MAX_SPEC_LENGTH) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot read ${path}: ${
          isFile ? `${size} bytes, at most ${MAX_SPEC_LENGTH} are read` : "not a file"
        }`,
      );
    }
    const bytes = new Uint8Array(size);
    let length = 0;
    for (let n; length < size && (n = file.readSync(bytes.subarray(length))); length += n);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof KuasarError) throw error;
    throw new KuasarError("INVALID_ARGUMENT", `Cannot read ${path}: ${asKuasarError(error).message}`, {
      cause: error,
    });
  }
}
