import { KuasarError } from "../../lib/errors/mod.ts";
import { CONTAINERS_FILE, RESTORE_ANNOTATION } from "../../lib/gvisor/mod.ts";

/** A name, and no path: whoever writes a pod may choose among the checkpoints, and nothing else of the host's. */
const CHECKPOINT_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** How a sandbox is being restored. Kept in a file, since containers come later. */
export interface Restore {
  /** Directory of the checkpoint. */
  image: string;
  /** Its containers by their names, and which one of the pod's took each one's place. */
  containers: Record<string, string | null>;
}

/**
 * What a pod asks to be restored from.
 *
 * @param annotations of the pod
 * @param directory the configured one, empty where nothing may be restored
 * @returns undefined for a pod that starts as usual
 * @throws KuasarError INVALID_ARGUMENT, FAILED_PRECONDITION, NOT_FOUND
 */
export function wantedRestore(
  annotations: Readonly<Record<string, string>>,
  directory: string,
): Restore | undefined {
  const name = annotations[RESTORE_ANNOTATION];
  if (name === undefined) return undefined;
  if (!CHECKPOINT_NAME.test(name)) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot restore the pod: ${RESTORE_ANNOTATION} must be the name of a checkpoint, is ${
        JSON.stringify(name.slice(0, 130))
      }`,
    );
  }
  if (directory === "") {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot restore the pod from ${name}: set checkpoint_dir in config_gvisor.toml to the directory of checkpoints`,
    );
  }
  const image = `${directory}/${name}`;
  return { image, containers: Object.fromEntries(containersOf(image).map((container) => [container, null])) };
}

function containersOf(image: string): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${image}/${CONTAINERS_FILE}`);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new KuasarError("NOT_FOUND", `Cannot restore the pod: ${image} is no checkpoint of a pod of ours`, {
      cause,
    });
  }
  try {
    const names: unknown = JSON.parse(text);
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  } catch {
    // As for anything else that is no list of names.
  }
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot restore the pod: ${image}/${CONTAINERS_FILE} is no list of names`,
  );
}

/**
 * The checkpoint from which a container goes on: the first one of a name takes the place of the checkpoint's, a later one of that
 * name starts anew.
 *
 * @param restore is changed where the container takes a place
 * @returns empty for a container that starts
 */
export function takePlace(restore: Restore, name: string | undefined, containerId: string): string {
  if (name === undefined || !Object.hasOwn(restore.containers, name)) return "";
  const taken = restore.containers[name] ??= containerId;
  return taken === containerId ? restore.image : "";
}
