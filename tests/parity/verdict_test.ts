import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Area } from "./case.ts";
import { changeLines, lineChanges } from "./line_changes.ts";
import { faultsOf } from "./verdict.ts";

const area = (instead?: Record<string, string>): Area => ({
  name: "area",
  groups: [{
    name: "group",
    cases: [{
      name: "case",
      script: "",
      ...instead && { differs: [{ kinds: ["qemu"], instead, why: "a reason" }] },
    }],
  }],
});

const faults = (ours: string, theirs: string, instead?: Record<string, string>) =>
  faultsOf(area(instead), "qemu", new Map([["group: case", ours]]), new Map([["group: case", theirs]]));

Deno.test("what is as under runc is right, and what is not is told by its lines", () => {
  deepStrictEqual(faults("a\nb", "a\nb"), []);
  deepStrictEqual(faults("a\nx\nc", "a\nb\nc"), [
    'area, group: case, qemu: differs from runc in\n  "b": "x",',
  ]);
});

Deno.test("a difference that is known is right, until it is gone or another one", () => {
  deepStrictEqual(faults("a\nx", "a\nb", { b: "x" }), []);
  deepStrictEqual(faults("anything", "a\nb", { "*": "anything" }), []);
  strictEqual(faults("a\nb", "a\nb", { b: "x" }).length, 1);
  strictEqual(faults("a\ny", "a\nb", { b: "x" }).length, 1);
  strictEqual(faults("a\nx", "a\nc", { b: "x" }).length, 1, "runc shows something else");
});

Deno.test("the changes between two texts make one of the other", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 }).map((lines) => lines.join("\n"));
  fc.assert(fc.property(text, text, (before, after) => {
    const changes = lineChanges(before, after);
    if (before === after) deepStrictEqual(changes, []);
    strictEqual(changes.length === 0, before === after);
  }));
  strictEqual(changeLines("a\nb\nc", Object.fromEntries(lineChanges("a\nb\nc", "a\nx\ny\nc"))), "a\nx\ny\nc");
  strictEqual(changeLines("a\nb", { b: "" }), "a");
});
