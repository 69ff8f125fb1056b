/**
 * The libraries that a loader has found, from what `ld.so --list` prints.
 *
 * @returns absolute paths
 * @throws Error naming the first that is missing
 */
export function parseLibraryList(output: string): string[] {
  const found = new Set<string>();
  for (const line of output.split("\n")) {
    const missing = /^\s*(\S+) => not found/.exec(line);
    if (missing) throw new Error(`library ${missing[1]} is not installed`);
    const path = /=> (\/.*) \(0x[0-9a-f]+\)$/.exec(line)?.[1] ??
      /^\s*(\/\S*) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    if (path !== undefined) found.add(path);
  }
  return [...found];
}
