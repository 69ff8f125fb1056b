import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../errors/mod.ts";
import { cleanUp, runCleanup, UndoStack } from "./mod.ts";

Deno.test("a failing step stops none of the others and is reported", async () => {
  const ran: string[] = [];
  const leftovers = await runCleanup([
    { name: "remove the tap", run: () => void ran.push("tap") },
    {
      name: "unmount",
      run: () => {
        throw new KuasarError("FAILED_PRECONDITION", "busy");
      },
    },
    { name: "close", run: async () => void ran.push("close") },
  ]);
  deepStrictEqual(ran, ["tap", "close"]);
  deepStrictEqual(leftovers.map(({ step, error }) => [step, error.code]), [[
    "unmount",
    "FAILED_PRECONDITION",
  ]]);
});

Deno.test("cleanUp names every failed step in its evidence", async () => {
  await cleanUp("nothing", []);
  const fail = { name: "kill", run: () => Promise.reject(new Error("no")) };
  await rejects(cleanUp("sandbox s1", [fail, fail]), (error: unknown) => {
    ok(error instanceof KuasarError);
    strictEqual(error.code, "ABORTED");
    deepStrictEqual([...error.evidence], ["kill: Cannot kill: no", "kill: Cannot kill: no"]);
    return true;
  });
});

Deno.test("an undo stack runs backwards and once", async () => {
  const ran: number[] = [];
  const undo = new UndoStack();
  undo.defer("one", () => void ran.push(1));
  undo.defer("two", () => void ran.push(2));
  deepStrictEqual(await undo.run(), []);
  await undo.run();
  deepStrictEqual(ran, [2, 1]);
});
