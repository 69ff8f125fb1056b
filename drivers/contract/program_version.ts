import { type AskOptions, askVersion } from "../../lib/process/mod.ts";

/** What a driver knows of its program. */
export interface ProgramVersion<V = string> {
  version: V;
  /** For `Info` and the log: why there is no version, where the program is there. */
  notes: readonly string[];
}

/**
 * Asks a driver's program who it is.
 *
 * @param parse reads what it prints, also nothing
 */
export async function programVersion<V>(
  path: string,
  parse: (output: string) => V,
  options: AskOptions = {},
): Promise<ProgramVersion<V>> {
  const { output, notes } = await askVersion(path, options);
  return { version: parse(output), notes };
}
