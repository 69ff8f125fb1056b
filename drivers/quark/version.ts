import { askVersion } from "../contract/ask_version.ts";

/** What a Quark says of itself, `quark 0.1.0`; empty where it cannot be run, which each start then tells. */
export async function quarkVersion(path: string): Promise<string> {
  const output = await askVersion(path);
  return output === undefined ? "" : /^quark \d[\w.-]*.*$/m.exec(output)?.[0] ?? "quark";
}
