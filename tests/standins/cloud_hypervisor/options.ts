import type { Foundation } from "../qemu/config.ts";

/** What a stand-in is built upon; the first argument of its program, as JSON. The real one has no such thing. */
export interface StandInOptions extends Foundation {
  /** What it says it is: `53.0.0`. */
  version: string;
  /** True where the host gives no userfaultfd, without which nothing is restored on demand. */
  withoutUserfaultfd?: boolean;
  /** How long requests take besides what they do, in ms, by their names: `vm.add-disk`. All others wait behind them. */
  delays?: Readonly<Record<string, number>>;
}

/** The major version. */
export function majorOf({ version }: StandInOptions): number {
  return Number(version.split(".")[0]);
}
