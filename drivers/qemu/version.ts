import { type ProgramVersion, programVersion } from "../contract/program_version.ts";

/**
 * The version of a QEMU program, `QEMU 10.0.2`; empty where it cannot be run, which each start then tells.
 */
export function qemuVersion(path: string): Promise<ProgramVersion> {
  return programVersion(path, versionIn);
}

/** Reads `QEMU emulator version 10.0.2 (Debian ...)`; empty for anything else. */
export function versionIn(output: string): string {
  const [, version] = /version (\d+(?:\.\d+)*)/.exec(output) ?? [];
  return version === undefined ? "" : `QEMU ${version}`;
}
