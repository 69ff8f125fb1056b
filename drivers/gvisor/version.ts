import { type ProgramVersion, programVersion } from "../contract/program_version.ts";

/** What a runsc says of itself. */
export interface RunscVersion {
  /** `runsc 20240729`; empty where it cannot be run. */
  text: string;
  /** Its release as a number: `20240729`; 0 where it names none. */
  date: number;
}

/** The first release that tells the host's network namespace from others on Linux 6.10 and later. */
const KNOWS_NEW_KERNELS = 20240807;

/** Reads the output of `--version`: `runsc version 0.0~20240729.0`, `runsc version release-20250101.0`. */
export function versionIn(output: string): RunscVersion {
  const [, word] = /^runsc version (\S+)/m.exec(output) ?? [];
  if (word === undefined) return { text: "", date: 0 };
  const date = Number(/(?<!\d)(20\d{6})(?!\d)/.exec(word)?.[1] ?? 0);
  return { text: `runsc ${date || word}`, date };
}

/** Asks a program. What cannot be run has no version, which each start then tells. */
export function runscVersion(path: string): Promise<ProgramVersion<RunscVersion>> {
  return programVersion(path, versionIn);
}

/**
 * Whether /proc/sys/net must be hidden from a runsc that is to use a pod's network: older ones take every network namespace for
 * the host's when they find `core/rmem_default`, which Linux 6.10 and later has in all of them.
 */
export function mustHideNetSysctls({ date }: RunscVersion): boolean {
  return date < KNOWS_NEW_KERNELS;
}
