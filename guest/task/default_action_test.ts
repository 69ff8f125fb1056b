import { strictEqual } from "node:assert/strict";
import { endsByDefault } from "./default_action.ts";

Deno.test("what a program without handlers dies of", () => {
  for (const signal of [1, 2, 3, 9, 10, 12, 15, 31, 34, 64]) {
    strictEqual(endsByDefault(signal), true, `${signal}`);
  }
  for (const signal of [0, 17, 18, 19, 20, 23, 28, 65, -1]) {
    strictEqual(endsByDefault(signal), false, `${signal}`);
  }
});
