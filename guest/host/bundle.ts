import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import * as sys from "../native/sys.js";

const ANNOTATION = "io.kubernetes.cri.sandbox-id";
const MAX_CONFIG_BYTES = 4 << 20;

/**
 * The sandbox that a container belongs to: containerd writes it into the bundle, and the CRI plugin into the spec.
 *
 * @throws KuasarError FAILED_PRECONDITION where the bundle names none
 */
export function sandboxOf(bundle: string): string {
  const file = `${bundle}/sandbox`;
  if (sys.exists(file)) return checkId(sys.readTextFile(file, 1024).trim(), "sandbox id");
  let id: unknown;
  try {
    const spec = JSON.parse(sys.readTextFile(`${bundle}/config.json`, MAX_CONFIG_BYTES)) as {
      annotations?: Record<string, unknown>;
    };
    id = spec.annotations?.[ANNOTATION];
  } catch (error) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot read ${bundle}/config.json`, { cause: error });
  }
  if (typeof id === "string") return checkId(id, "sandbox id");
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot create a container: ${bundle} names no sandbox, neither in "sandbox" nor by ${ANNOTATION}`,
  );
}
