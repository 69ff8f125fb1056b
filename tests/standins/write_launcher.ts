/**
 * Writes a program that runs `main` of a stand-in with its options as the first argument, behind which come those of
 * whoever starts it.
 *
 * @param path where the program is written
 * @param main the stand-in's module
 * @param options given to it as JSON
 */
export async function writeLauncher(path: string, main: string, options: unknown): Promise<void> {
  const command = [
    Deno.execPath(),
    "run",
    "--allow-all",
    "--no-check",
    "--quiet",
    main,
    JSON.stringify(options),
  ];
  // A driver starts its program without HOME, by which Deno finds its cache.
  const home = Deno.env.get("HOME") ?? "/root";
  // A driver under Deno tells a Deno that it starts by this which descriptors to duplicate; the real program would not.
  const unset = "unset DENO_EXTRA_STDIO_FDS";
  const script = `#!/bin/sh\nexport HOME=${quote(home)}\n${unset}\nexec ${
    command.map(quote).join(" ")
  } "$@"\n`;
  await Deno.writeTextFile(path, script, { mode: 0o700 });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
