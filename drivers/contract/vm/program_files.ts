import { librariesOf } from "../../../lib/elf/mod.ts";
import type { Shown } from "../../../lib/process/mod.ts";

/** A script's first line is not longer (BINPRM_BUF_SIZE). */
const MAX_FIRST_LINE = 256;

/** What programs need to start, found once for each version of each. */
export class ProgramFiles {
  readonly #known = new Map<string, { version: string; files: Promise<Shown[]> }>();

  /**
   * The program, its loader and its libraries; of a script what its interpreter needs.
   *
   * @throws {KuasarError} FAILED_PRECONDITION where a library is missing
   */
  async of(program: string): Promise<Shown[]> {
    const { ino, size, mtime } = await Deno.stat(program);
    const version = `${ino} ${size} ${mtime?.getTime()}`;
    const known = this.#known.get(program);
    if (known?.version === version) return await known.files;
    const files = filesOf(program);
    this.#known.set(program, { version, files });
    files.catch(() => this.#known.delete(program));
    return await files;
  }
}

async function filesOf(program: string): Promise<Shown[]> {
  const interpreter = await interpreterOf(program);
  const { loader, libraries } = await librariesOf(interpreter ?? program);
  const paths = [program, interpreter, loader, ...libraries].filter((path) => path !== undefined);
  return [...new Set(paths)].map((path) => ({ path, access: "read" }));
}

async function interpreterOf(program: string): Promise<string | undefined> {
  using file = await Deno.open(program);
  const head = new Uint8Array(MAX_FIRST_LINE);
  const length = await file.read(head) ?? 0;
  return /^#![ \t]*([^ \t\n]+)/.exec(new TextDecoder().decode(head.subarray(0, length)))?.[1];
}
