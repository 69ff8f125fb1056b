import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { checkMove, mayMove, type SandboxState, STATES, TRANSITIONS } from "./state.ts";

Deno.test("the table names known states only, and every state is reached from created", () => {
  const reached = new Set<SandboxState>(["created"]);
  for (const from of reached) for (const to of TRANSITIONS[from]) reached.add(to);
  deepStrictEqual([...reached].sort(), [...STATES].sort());
});

Deno.test("every life comes to removing, never back, whatever way it takes", () => {
  fc.assert(fc.property(fc.infiniteStream(fc.nat()), (choices) => {
    let state: SandboxState = "created";
    const seen = new Set<SandboxState>();
    for (const choice of choices) {
      strictEqual(seen.has(state), false, `${state} twice`);
      seen.add(state);
      const next: readonly SandboxState[] = TRANSITIONS[state];
      if (next.length === 0) break;
      state = next[choice % next.length] ?? state;
    }
    strictEqual(state, "removing");
  }));
});

Deno.test("any move that is not in the table is refused", () => {
  const state = fc.constantFrom(...STATES);
  fc.assert(fc.property(state, state, (from, to) => {
    const allowed = (TRANSITIONS[from] as readonly string[]).includes(to);
    strictEqual(mayMove(from, to), allowed);
    if (allowed) checkMove("s", from, to);
    else {throws(() =>
        checkMove("s", from, to), (e: unknown) =>
        (e as { code?: string }).code === "FAILED_PRECONDITION");}
  }));
});
