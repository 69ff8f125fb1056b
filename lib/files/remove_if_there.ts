/** Removes a file or an empty directory; nothing there is fine. @throws what unlink(2) says besides */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
