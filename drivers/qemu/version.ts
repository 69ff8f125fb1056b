/**
 * The version of a QEMU program, `QEMU 10.0.2`; empty where it cannot be run, which each start then tells.
 */
export async function qemuVersion(path: string): Promise<string> {
  try {
    const { stdout } = await new Deno.Command(path, {
      args: ["--version"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(10_000),
    }).output();
    const [, version] = /version (\d+(?:\.\d+)*)/.exec(new TextDecoder().decode(stdout)) ?? [];
    return version === undefined ? "" : `QEMU ${version}`;
  } catch {
    return "";
  }
}
