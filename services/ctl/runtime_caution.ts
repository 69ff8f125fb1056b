import { isAtLeast, versionIn } from "../../lib/process/mod.ts";

/** The first crun that gives a container's user nothing but pipes and files (containers/crun, pull request 1847). */
const CHOWNS_NO_DEVICES = "1.24";

/**
 * What a person should know of an OCI runtime that works.
 *
 * @param name `crun`
 * @param version as it tells it
 * @returns lines, mostly none
 */
export function runtimeCautions(name: string, version: string): string[] {
  const number = versionIn(version);
  if (name !== "crun" || number === undefined || isAtLeast(number, CHOWNS_NO_DEVICES)) return [];
  return [
    `before ${CHOWNS_NO_DEVICES} it makes a container's user the owner of a device that an exec is given: ours give it none of the host's`,
  ];
}
