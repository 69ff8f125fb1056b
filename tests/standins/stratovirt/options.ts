import type { Foundation } from "../qemu/config.ts";

/** What the stand-in is built upon; the first argument of its program, as JSON. The real one has no such thing. */
export interface StandInOptions extends Foundation {
  /** What it says it is: `2.5.0`. */
  version: string;
  /** What a 2.5 is built with (`vhost_vsock`, `virtio_rng`); earlier ones have everything. */
  features: readonly string[];
  /** True where `quit` ends the program before its answer has left, as may happen. */
  losesQuitReply?: boolean;
}

/** The minor version: 5 of 2.5.0. */
export function minorOf({ version }: Pick<StandInOptions, "version">): number {
  return Number(version.split(".")[1]);
}
