import type { Foundation } from "../qemu/config.ts";

/** What the stand-in is built upon; the first argument of its program, as JSON. The real one has no such thing. */
export interface StandInOptions extends Foundation {
  /** What it says it is: `2.5.0`. */
  version: string;
}
