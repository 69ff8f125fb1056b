import { type ProgramVersion, programVersion } from "../contract/program_version.ts";

/** What a Quark says of itself, `quark 0.1.0`; empty where it cannot be run, which each start then tells. */
export function quarkVersion(path: string): Promise<ProgramVersion> {
  return programVersion(
    path,
    (output) => output === "" ? "" : /^quark \d[\w.-]*.*$/m.exec(output)?.[0] ?? "quark",
  );
}
