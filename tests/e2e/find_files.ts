/** The paths below a directory whose names match; what disappears meanwhile is not among them. */
export function findFiles(directory: string, name: RegExp): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    const found = name.test(entry.name) ? [path] : [];
    return entry.isDirectory ? [...found, ...findFiles(path, name)] : found;
  });
}
