import { strictEqual } from "node:assert/strict";
import { countOf } from "./online.ts";

Deno.test("a list of CPUs is counted", () => {
  for (const [list, count] of [["0", 1], ["0-3\n", 4], ["0-1,4,6-7", 5], ["", 0]] as const) {
    strictEqual(countOf(list), count, list);
  }
});
