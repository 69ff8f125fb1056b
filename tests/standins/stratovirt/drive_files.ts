import { QmpError } from "./qmp_error.ts";

/** The files behind the drives of one process: one that is written is one drive's, and others are shared. */
export class DriveFiles {
  readonly #files = new Map<string, { count: number; readOnly: boolean }>();

  /** @throws {QmpError} for a file that cannot be opened, or not by one drive more */
  add(path: string, readOnly: boolean): void {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch (error) {
      const words = (error as Error).message.replace(/(\(os error \d+\)): .*$/s, "$1");
      throw new QmpError(`Failed to get metadata of file ${path}: ${words}.`);
    }
    if (!info.isFile && !info.isBlockDevice) {
      throw new QmpError(`${path} is not a regular file or block device.`);
    }
    const known = this.#files.get(path);
    if (!known) this.#files.set(path, { count: 1, readOnly });
    else if (known.readOnly && readOnly) known.count++;
    else {
      throw new QmpError(
        `Failed to add drive ${path}, file can only be shared with read_only. ` +
          "Is it used more than once or another process using the same file?",
      );
    }
  }

  remove(path: string): void {
    const known = this.#files.get(path);
    if (known && --known.count === 0) this.#files.delete(path);
  }
}
