/** What a Quark says of itself, `quark 0.1.0`; empty where it cannot be run, which each start then tells. */
export async function quarkVersion(path: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(path, {
      args: ["--version"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(10_000),
    }).output();
    return /^quark \d[\w.-]*.*$/m.exec(new TextDecoder().decode(stdout))?.[0] ?? "quark";
  } catch {
    return "";
  }
}
