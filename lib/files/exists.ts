/** Whether something is at a path, a broken link included. @throws what lstat(2) says besides that there is nothing */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
