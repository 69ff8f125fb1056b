/** How long a program may take to say what it is. */
const TIMEOUT_MS = 10_000;

/**
 * What a program prints when it is asked for its version.
 *
 * @param path of the program
 * @returns undefined where it cannot be run, which each start then tells with the reason
 */
export async function askVersion(
  path: string,
  args: readonly string[] = ["--version"],
): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(path, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).output();
    return new TextDecoder().decode(stdout);
  } catch {
    return undefined;
  }
}
