import fc from "fast-check";
import { applyEdits, type Edit, MAX_PIECE, MAX_TIMES, NUMBERS } from "./edits.ts";
import type { Outcome, Until } from "./outcome.ts";
import type { Target } from "./target.ts";

/** Inputs of a target, by the same edits as the native ones; fast-check finds the smallest one that does harm. */
function inputsOf({ samples, words = [] }: Target): fc.Arbitrary<Uint8Array> {
  const at = fc.nat(0xffff);
  const length = fc.nat(MAX_PIECE);
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: MAX_PIECE }),
    ...(words.length > 0 ? [fc.constantFrom(...words).map((word) => new TextEncoder().encode(word))] : []),
  );
  const edits = fc.oneof(
    fc.record({ kind: fc.constant("byte" as const), at, value: fc.nat(255) }),
    fc.record({ kind: fc.constant("number" as const), at, value: fc.constantFrom(...NUMBERS) }),
    fc.record({ kind: fc.constant("cut" as const), at, length }),
    fc.record({ kind: fc.constant("repeat" as const), at, length, times: fc.nat(MAX_TIMES) }),
    fc.record({ kind: fc.constant("insert" as const), at, bytes: pieces }),
    fc.record({ kind: fc.constant("end" as const), at }),
  ) as fc.Arbitrary<Edit>;
  return fc.tuple(fc.constantFrom(...samples), fc.array(edits, { maxLength: 5 }))
    .map(([sample, list]) => applyEdits(sample, list));
}

/** Tries a target of TypeScript in this process. */
export async function runProperty(target: Target, seed: number, until: Until): Promise<Outcome> {
  const began = performance.now();
  const property = fc.asyncProperty(inputsOf(target), async (input) => await target.check(input));
  const { failed, numRuns, counterexample, errorInstance } = await fc.check(property, {
    seed: seed | 0,
    // More than any time is enough for.
    numRuns: until.runs ?? 1e9,
    ...(until.ms === undefined ? {} : { interruptAfterTimeLimit: until.ms }),
  });
  const ms = performance.now() - began;
  if (!failed || counterexample === null) return { runs: numRuns, ms };
  return { runs: numRuns, ms, fault: { input: counterexample[0], what: told(errorInstance) } };
}

function told(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}
