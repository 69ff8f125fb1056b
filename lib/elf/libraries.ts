import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { elfInterpreter } from "./interpreter.ts";
import { parseLibraryList } from "./library_list.ts";

/** What a program is loaded with, by the paths at which it is looked for. */
export interface Libraries {
  /** undefined for a static program, and for a script. */
  loader: string | undefined;
  libraries: string[];
}

/**
 * The loader and the libraries of a program.
 *
 * @param program its path
 * @throws {KuasarError} FAILED_PRECONDITION where the program or a library of it is missing
 */
export async function librariesOf(program: string): Promise<Libraries> {
  try {
    const loader = await interpreterOf(program);
    if (loader === undefined) return { loader, libraries: [] };
    const { success, stdout, stderr } = await new Deno.Command(loader, {
      args: ["--list", program],
      clearEnv: true,
      stdin: "null",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
    return { loader, libraries: parseLibraryList(new TextDecoder().decode(stdout)) };
  } catch (error) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot use the program ${program}: ${asKuasarError(error).message}`,
      { cause: error },
    );
  }
}

async function interpreterOf(program: string): Promise<string | undefined> {
  using file = await Deno.open(program);
  return await elfInterpreter(async (offset, length) => {
    const bytes = new Uint8Array(length);
    await file.seek(offset, Deno.SeekMode.Start);
    let filled = 0;
    for (let count; filled < length && (count = await file.read(bytes.subarray(filled))) !== null;) {
      filled += count;
    }
    return bytes.subarray(0, filled);
  });
}
