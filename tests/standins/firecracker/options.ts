import type { Foundation } from "../qemu/config.ts";

/** What the stand-in is built upon; the first argument of its program, as JSON. The real one has no such thing. */
export interface StandInOptions extends Foundation {
  /** What it says it is: `1.15.0`. */
  version: string;
}

/** The minor version; all are 1.x. */
export function minorOf({ version }: StandInOptions): number {
  return Number(version.split(".")[1]);
}
