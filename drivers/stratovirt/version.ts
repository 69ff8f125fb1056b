import { type ProgramVersion, programVersion } from "../contract/program_version.ts";

/** What a StratoVirt program says of itself, `StratoVirt 2.5.0`; empty where it cannot be run, which each start then tells. */
export function stratoVirtVersion(path: string): Promise<ProgramVersion> {
  return programVersion(path, parseVersion, { args: ["-version"] });
}

/** Reads `StratoVirt 2.5.0 commit-id unknown`; empty for anything else. */
export function parseVersion(output: string): string {
  return /^StratoVirt \d+(?:\.\d+)*/m.exec(output)?.[0] ?? "";
}
