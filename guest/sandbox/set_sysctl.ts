import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";

/**
 * Sets a kernel setting unless it has the value: some cannot be written.
 *
 * @param name below /proc/sys
 * @throws INVALID_ARGUMENT with the setting and the reason
 */
export function setSysctl(name: string, value: string): void {
  const path = `/proc/sys/${name}`;
  try {
    if (hasValue(path, value)) return;
    sys.writeFile(path, value, 0, sys.O.WRONLY);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KuasarError("INVALID_ARGUMENT", `Cannot set ${path} to ${JSON.stringify(value)}: ${reason}`, {
      cause,
    });
  }
}

/** Some have none yet, which is no reason not to set them. */
function hasValue(path: string, value: string): boolean {
  try {
    return sys.readTextFile(path).trim() === value;
  } catch {
    return false;
  }
}
