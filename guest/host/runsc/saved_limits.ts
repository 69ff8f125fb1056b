import type { Resources } from "../../../lib/oci/mod.ts";
import * as sys from "../../native/sys.js";

/** Limits that an update has changed, kept for a later run of this program. */
function fileIn(bundle: string): string {
  return `${bundle}/resources.json`;
}

/** Those of an earlier run; undefined where there was no update. */
export function readLimits(bundle: string): Resources | undefined {
  const file = fileIn(bundle);
  return sys.exists(file) ? JSON.parse(sys.readTextFile(file)) as Resources : undefined;
}

/** Keeps the limits that a container has now. */
export function writeLimits(bundle: string, { memory, cpu }: Resources): void {
  // They may be larger than what a number holds exactly.
  const text = JSON.stringify(
    { memory, cpu },
    (_, value) => (typeof value === "bigint" ? Number(value) : value),
  );
  sys.writeFile(fileIn(bundle), text, 0o600);
}
