import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId, CRI_ANNOTATION, PAUSE_TYPE } from "../../lib/oci/mod.ts";
import * as sys from "../native/sys.js";

const MAX_CONFIG_BYTES = 4 << 20;

/** Where a task belongs. */
export interface Placement {
  sandboxId: string;
  /**
   * `member`: into a sandbox that exists. `alone`: into one of its own. `pause`: it is the stand-in for a sandbox that
   * others will join.
   */
  kind: "member" | "alone" | "pause";
}

/**
 * The sandbox of a task: containerd writes it into the bundle where it knows of one, and the CRI plugin into the spec.
 *
 * @param id of the task, which is that of its sandbox where it names none
 * @throws KuasarError FAILED_PRECONDITION for a bundle that cannot be read, INVALID_ARGUMENT for a bad id
 */
export function placementOf(bundle: string, id: string): Placement {
  const file = `${bundle}/sandbox`;
  if (sys.exists(file)) {
    return { kind: "member", sandboxId: checkId(sys.readTextFile(file, 1024).trim(), "sandbox id") };
  }
  const annotations = annotationsOf(bundle);
  if (annotations[CRI_ANNOTATION.containerType] === PAUSE_TYPE) return { kind: "pause", sandboxId: id };
  const named = annotations[CRI_ANNOTATION.sandboxId];
  if (typeof named === "string") return { kind: "member", sandboxId: checkId(named, "sandbox id") };
  return { kind: "alone", sandboxId: id };
}

function annotationsOf(bundle: string): Record<string, unknown> {
  const path = `${bundle}/config.json`;
  try {
    const spec = JSON.parse(sys.readTextFile(path, MAX_CONFIG_BYTES)) as {
      annotations?: Record<string, unknown>;
    };
    return spec.annotations ?? {};
  } catch (error) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot read ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
