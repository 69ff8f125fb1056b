import { KuasarError } from "../../lib/errors/mod.ts";

/**
 * Runs a parser that may refuse its input.
 *
 * @param codes with which it may
 * @returns undefined where it did
 * @throws what it threw where that is anything else: a TypeError out of the middle of a parser is a fault
 */
export function orRefusal<T>(parse: () => T, codes: readonly string[]): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof KuasarError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
