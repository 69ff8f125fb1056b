import { strictEqual } from "node:assert/strict";
import { endMarked } from "./mod.ts";

Deno.test("no id begins another one", () => {
  strictEqual(endMarked("c10").startsWith(endMarked("c1")), false);
});
