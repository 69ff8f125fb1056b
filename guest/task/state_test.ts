import { ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Action, next, type State, TRANSITIONS } from "./state.ts";

const actions: Action[] = ["start", "pause", "resume", "exit", "delete"];

Deno.test("the usual life of a process", () => {
  let state: State = "created";
  for (const action of ["start", "pause", "resume", "exit", "delete"] as const) {
    state = next(state, action, "p");
  }
  strictEqual(state, "deleted");
});

Deno.test("no sequence of actions leaves the table, and nothing leads out of deleted", () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(...actions)), (sequence) => {
    let state: State = "created";
    for (const action of sequence) {
      const allowed = TRANSITIONS[state][action];
      if (allowed === undefined) throws(() => next(state, action, "p"), { code: "FAILED_PRECONDITION" });
      else state = next(state, action, "p");
    }
    ok(state in TRANSITIONS);
  }));
  strictEqual(Object.keys(TRANSITIONS.deleted).length, 0);
});

Deno.test("every state but deleted can come to its end", () => {
  for (const state of Object.keys(TRANSITIONS) as State[]) {
    if (state === "deleted" || state === "stopped") continue;
    strictEqual(next(state, "exit", "p"), "stopped");
  }
});
