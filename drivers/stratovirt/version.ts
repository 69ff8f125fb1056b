/** What a StratoVirt program says of itself, `StratoVirt 2.5.0`; empty where it cannot be run, which each start then tells. */
export async function stratoVirtVersion(path: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(path, {
      args: ["-version"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(10_000),
    }).output();
    return parseVersion(new TextDecoder().decode(stdout));
  } catch {
    return "";
  }
}

/** Reads `StratoVirt 2.5.0 commit-id unknown`; empty for anything else. */
export function parseVersion(output: string): string {
  return /^StratoVirt \d+(?:\.\d+)*/m.exec(output)?.[0] ?? "";
}
