import type { Suite } from "../../lib/build/mod.ts";

/** A release of Debian that users have on their hosts. */
export interface HostSuite {
  /** Folder below `build/`, column of the table. */
  name: "debian12" | "debian13";
  suite: Suite;
}

/** The hosts that the README promises, the older first. */
export const HOST_SUITES: readonly HostSuite[] = [
  { name: "debian12", suite: "bookworm" },
  { name: "debian13", suite: "trixie" },
];
