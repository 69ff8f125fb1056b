import { KuasarError } from "../errors/mod.ts";

/** Exit codes of every program of ours. */
export const EXIT = { OK: 0, FAILURE: 1, USAGE: 2 } as const;

/** The code with which a program ends that has failed so: USAGE for a wrong use of it, else FAILURE. */
export function exitCodeOf(error: unknown): number {
  return error instanceof KuasarError && error.code === "INVALID_ARGUMENT" ? EXIT.USAGE : EXIT.FAILURE;
}
