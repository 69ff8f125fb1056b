import { type ProgramVersion, programVersion } from "../program_version.ts";

/**
 * What an OCI runtime says of itself, `crun 1.21`; empty where it cannot be run, which each start then tells.
 */
export function runtimeVersion(path: string): Promise<ProgramVersion> {
  return programVersion(path, versionIn);
}

/** The first line of `--version`: `runc version 1.1.5+ds1`, `crun version 1.21`. */
export function versionIn(text: string): string {
  const [, name, version] = /^(\w+) version:? (\d+(?:\.\d+)*)/.exec(text) ?? [];
  return name === undefined ? "" : `${name} ${version}`;
}
