import { askVersion } from "../contract/ask_version.ts";

/**
 * The version of a QEMU program, `QEMU 10.0.2`; empty where it cannot be run, which each start then tells.
 */
export async function qemuVersion(path: string): Promise<string> {
  const [, version] = /version (\d+(?:\.\d+)*)/.exec(await askVersion(path) ?? "") ?? [];
  return version === undefined ? "" : `QEMU ${version}`;
}
