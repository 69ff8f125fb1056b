import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { killOnAbort } from "../../lib/process/mod.ts";

/** Where the library that brings hidden arguments back is in an engine's root. */
export const ARGUMENTS_LIBRARY = "/arguments.so";

/** As the library knows them (guest/native/preload/arguments.c). */
const VARIABLE = "KUASAR_ARGUMENT_";

/** A variable of the module, as both engines take one. */
const SECRET = /^(--env=[^=]*=)./s;

/** glibc's loader: that of another C library does not give a library the program's arguments. */
const GLIBC_LOADER = /\/ld(?:-linux[^/]*|64)\.so\.\d+$/;

const TIMEOUT_MS = 60_000;

/** A command line that everybody may read, and the variables by which the program gets the real one. */
export interface HiddenArguments {
  args: string[];
  env: string[];
}

/**
 * Takes the values of a module's variables off its engine's command line: every user of the host can read that, but an
 * environment only the process's owner. The engine's own environment is no place for them: it would heed them itself.
 */
export function hideArguments(words: readonly string[]): HiddenArguments {
  const env = [`LD_PRELOAD=${ARGUMENTS_LIBRARY}`];
  const args = words.map((word, index) => {
    const name = SECRET.exec(word)?.[1];
    if (name === undefined) return word;
    env.push(`${VARIABLE}${index}=${word}`);
    return `${name}...`;
  });
  return { args, env };
}

/**
 * The library that the agent carries.
 *
 * @param loader of the engine
 * @throws KuasarError FAILED_PRECONDITION where the engine could not load it, or the agent has none
 */
export async function argumentsLibrary(
  agent: string,
  engine: string,
  loader: string | undefined,
): Promise<Uint8Array> {
  const refuse = (reason: string, cause?: unknown) =>
    new KuasarError("FAILED_PRECONDITION", `Cannot use the engine ${engine}: ${reason}`, { cause });
  if (loader === undefined || !GLIBC_LOADER.test(loader)) {
    throw refuse(
      "it is not linked to glibc dynamically, so that everybody could read its modules' variables",
    );
  }
  try {
    const child = new Deno.Command(agent, {
      args: ["kuasar-preload"],
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    killOnAbort(child, AbortSignal.timeout(TIMEOUT_MS));
    const { success, stdout } = await child.output();
    if (success && stdout.length > 0) return stdout;
  } catch (cause) {
    throw refuse(asKuasarError(cause).message, cause);
  }
  throw refuse(`the agent ${agent} (pause_path) is older than this driver`);
}
