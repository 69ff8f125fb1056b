import { KuasarError } from "../../../lib/errors/mod.ts";

/**
 * The entries of an environment that can be given to a module.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for one without a name
 */
export function checkedEnv(env: readonly string[]): readonly string[] {
  for (const entry of env) {
    if (entry.indexOf("=") < 1) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot run the module: ${JSON.stringify(entry.slice(0, 64))} is not NAME=value`,
      );
    }
  }
  return env;
}

/** Says that an engine cannot do what a container asks for. */
export function cannot(engine: string, what: string): KuasarError {
  return new KuasarError("UNIMPLEMENTED", `Cannot run the module: ${engine} ${what}`);
}

/** A regular expression's major and minor as a version. */
export function versionOf(match: RegExpExecArray): { major: number; minor: number } {
  return { major: Number(match.groups?.["major"]), minor: Number(match.groups?.["minor"]) };
}
