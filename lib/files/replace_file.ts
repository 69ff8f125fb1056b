import { removeIfThere } from "./remove_if_there.ts";

/**
 * Writes a file so that readers see all of it or what was there before; where it cannot be written nothing else is left.
 *
 * @throws what the file system says, as that it is full
 */
export function replaceFile(path: string, text: string, mode = 0o644): void {
  const draft = `${path}.new`;
  try {
    Deno.writeTextFileSync(draft, text, { mode });
    Deno.renameSync(draft, path);
  } catch (error) {
    removeIfThere(draft);
    throw error;
  }
}
