import { KuasarError } from "../errors/mod.ts";
import { isEnding, runCommand } from "../process/mod.ts";
import { exitCodeOf } from "./exit.ts";

/**
 * Runs the main function of one of the project's commands and exits with its code, with 2 for a wrong use of it and with 1 for
 * any other failure, which is told on stderr. What it has begun is ended with it, see {@link runCommand}.
 *
 * @param name as a person has typed it: `start`, `bench`
 */
export async function runTask(name: string, main: () => Promise<number>): Promise<never> {
  const told = async () => {
    try {
      return await main();
    } catch (error) {
      if (isEnding()) throw error;
      tellFailure(name, error);
      return exitCodeOf(error);
    }
  };
  return await runCommand(told, () => {});
}

/** Tells a failure and its evidence on stderr; one that nobody has foreseen with where it comes from. */
export function tellFailure(name: string, error: unknown): void {
  if (!(error instanceof KuasarError)) return console.error(`${name}:`, error);
  console.error(`${name}: ${error.message}`);
  for (const line of error.evidence) console.error(`  ${line}`);
}
