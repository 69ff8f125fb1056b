import { askVersion } from "../contract/ask_version.ts";

/** What a StratoVirt program says of itself, `StratoVirt 2.5.0`; empty where it cannot be run, which each start then tells. */
export async function stratoVirtVersion(path: string): Promise<string> {
  return parseVersion(await askVersion(path, ["-version"]) ?? "");
}

/** Reads `StratoVirt 2.5.0 commit-id unknown`; empty for anything else. */
export function parseVersion(output: string): string {
  return /^StratoVirt \d+(?:\.\d+)*/m.exec(output)?.[0] ?? "";
}
