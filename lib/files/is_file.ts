/** Whether a regular file is at a path, or at the end of links from it. Where that cannot be told there is none to use. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
