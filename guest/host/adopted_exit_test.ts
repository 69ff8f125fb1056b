import { deepStrictEqual } from "node:assert/strict";
import { adoptedExit } from "./adopted_exit.ts";

// Without the native module no process can be looked at, as where all have gone.
const GONE = { pid: 1 << 30, startTime: "1" };

Deno.test("what the keeper is about to tell of a process that has gone counts", async () => {
  const exit = { code: 42, atNs: 7n };
  const exitOf = () => new Promise<typeof exit>((resolve) => setTimeout(() => resolve(exit), 20));
  deepStrictEqual(await adoptedExit(GONE, { exitOf }), exit);
});

Deno.test("nobody can tell how a process without a keeper has ended that has gone", async () => {
  deepStrictEqual(await adoptedExit(GONE, undefined), { code: 255 });
});
