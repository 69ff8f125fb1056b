import type { Suite } from "../../lib/build/mod.ts";

/** A release of Debian that users have on their hosts. */
export interface HostSuite {
  /** Folder below `build/`, column of the table. */
  name: "debian12" | "debian13";
  suite: Suite;
  /** Its packages of Docker, installed in the course of the checks. */
  docker: readonly string[];
}

/** The hosts that the README promises, the older first. */
export const HOST_SUITES: readonly HostSuite[] = [
  { name: "debian12", suite: "bookworm", docker: ["docker.io"] },
  { name: "debian13", suite: "trixie", docker: ["docker.io", "docker-cli"] },
];
