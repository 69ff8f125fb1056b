import type { DebianHost } from "./debian_host.ts";
import type { Kind } from "./install.ts";

/** One row of the table. The checks of a host follow each other: what one leaves running the next one uses. */
export interface Check {
  name: string;
  /** @returns what the table tells besides the time, if anything */
  run(host: DebianHost): Promise<string | void>;
}

/** A check of pods of one kind. */
export const ofKind = (
  kind: Kind,
  what: string,
  run: (host: DebianHost, kind: Kind) => Promise<string | void>,
): Check => ({
  name: `${kind}: ${what}`,
  run: (host) => run(host, kind),
});
