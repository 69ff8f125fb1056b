import { NATIVE_NAMES } from "./native/names.ts";
import { runNative, tryNative } from "./native/run.ts";
import type { Outcome, Until } from "./outcome.ts";
import { runProperty } from "./properties.ts";
import { DENO_TARGETS } from "./targets/all.ts";

/** A target in one of the two engines. */
export interface Entry {
  name: string;
  run(seed: number, until: Until): Promise<Outcome>;
  /** @returns what went wrong with one input */
  tryOne(input: Uint8Array): Promise<string | undefined>;
}

/** All of them: the agent's first. */
export const ENTRIES: readonly Entry[] = [
  ...NATIVE_NAMES.map((name): Entry => ({
    name: `native/${name}`,
    run: (seed, until) => runNative(name, seed, until),
    tryOne: (input) => tryNative(name, input),
  })),
  ...DENO_TARGETS.map((target): Entry => ({
    name: `deno/${target.name}`,
    run: (seed, until) => runProperty(target, seed, until),
    tryOne: async (input) => {
      try {
        await target.check(input);
      } catch (error) {
        return String((error as Error).stack ?? error);
      }
      return undefined;
    },
  })),
];
