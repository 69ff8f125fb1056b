import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { MAX_SPEC_LENGTH, parseSpec, type Spec } from "../../lib/oci/mod.ts";

/**
 * Reads `config.json` of a bundle of containerd's, of bounded size.
 *
 * @throws INVALID_ARGUMENT where it is missing or wrong
 */
export function readSpec(bundle: string): Spec {
  const path = `${bundle}/config.json`;
  try {
    if (!bundle.startsWith("/")) throw new Error("the bundle is no absolute path");
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || size > MAX_SPEC_LENGTH) throw new Error(`no file of at most ${MAX_SPEC_LENGTH} bytes`);
    return parseSpec(Deno.readTextFileSync(path));
  } catch (error) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot read ${path}: ${asKuasarError(error).message}`, {
      cause: error,
    });
  }
}
