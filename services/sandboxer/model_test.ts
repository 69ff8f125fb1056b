import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Fixture } from "./testing/fixture.ts";

/** What containerd can do to one sandbox, and what the world can. */
const ACTIONS = ["create", "start", "stop", "shutdown", "crash", "restart"] as const;
type Action = typeof ACTIONS[number];
type Model = "none" | "created" | "ready" | "stopped";

/** State and error code that must follow; the error leaves the state alone. */
function expected(state: Model, action: Action): { next: Model; code?: string } {
  if (action === "restart") return { next: state };
  if (action === "crash") return { next: state === "ready" ? "stopped" : state };
  if (action === "create") {
    return state === "none" ? { next: "created" } : { next: state, code: "ALREADY_EXISTS" };
  }
  if (state === "none") return { next: "none", code: "NOT_FOUND" };
  if (action === "stop") return { next: "stopped" };
  if (action === "shutdown") return { next: "none" };
  return state === "created" ? { next: "ready" } : { next: state, code: "FAILED_PRECONDITION" };
}

async function act(fixture: Fixture, action: Action, state: Model): Promise<void> {
  switch (action) {
    case "create":
      return await fixture.create("s1");
    case "start":
      return void await fixture.start("s1");
    case "stop":
      return void await fixture.stop("s1");
    case "shutdown":
      return void await fixture.shutdown("s1");
    case "restart":
      return await fixture.restartSandboxer();
    case "crash":
      if (state !== "ready") return;
      fixture.world.crash("s1");
      return await fixture.until("s1", "stopped");
  }
}

Deno.test("any order of calls, crashes and restarts ends in the state that the model says", async () => {
  const actions = fc.array(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(actions, async (sequence) => {
      await Fixture.run(async (fixture) => {
        let state: Model = "none";
        for (const action of sequence) {
          const { next, code } = expected(state, action);
          const result: unknown = await act(fixture, action, state).then(
            () => undefined,
            (error) => error.code,
          );
          strictEqual(result, code, `${action} in ${state}`);
          state = next;
          const found = state === "none" ? "none" : await fixture.state("s1");
          strictEqual(found, state, `after ${action}`);
        }
        const left = state === "ready" ? ["network s1", "share s1", "vm s1"] : [];
        deepStrictEqual(fixture.world.leftovers(), left);
      });
    }),
    { numRuns: 25, seed: 7 },
  );
});
