import { PATIENCE_MS } from "./patience.ts";

/** How a call of a command line ended. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end. One that takes too long is ended, which its code 124 shows.
 *
 * @param command the program and its arguments
 * @param stdin what it reads; nothing unless given
 */
export async function runCommandLine(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  stdin?: string,
): Promise<CommandResult> {
  const child = new Deno.Command("timeout", {
    args: ["--kill-after=2", String(PATIENCE_MS / 1000), ...command],
    env: { ...env },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) await new Blob([stdin]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
