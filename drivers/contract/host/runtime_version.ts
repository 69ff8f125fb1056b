/**
 * What an OCI runtime says of itself, `crun 1.21`; empty where it cannot be run, which each start then tells.
 */
export async function runtimeVersion(path: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(path, {
      args: ["--version"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(10_000),
    }).output();
    return versionIn(new TextDecoder().decode(stdout));
  } catch {
    return "";
  }
}

/** The first line of `--version`: `runc version 1.1.5+ds1`, `crun version 1.21`. */
export function versionIn(text: string): string {
  const [, name, version] = /^(\w+) version:? (\d+(?:\.\d+)*)/.exec(text) ?? [];
  return name === undefined ? "" : `${name} ${version}`;
}
