import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { sideBySide } from "./hypervisors.ts";
import { parseRollup } from "./memory.ts";
import { percentile, slope } from "./statistics.ts";
import { markdownTable } from "./table.ts";

Deno.test("percentiles take the nearest rank", () => {
  const samples = [5, 1, 4, 2, 3];
  strictEqual(percentile(samples, 0.5), 3);
  strictEqual(percentile(samples, 0.99), 5);
  strictEqual(percentile([7], 0.5), 7);
  ok(Number.isNaN(percentile([], 0.5)));
});

Deno.test("resident and proportional memory are read from the kernel's sums", () => {
  const text = "5-7 ---p [rollup]\nRss:    1234 kB\nPss:     567 kB\nPss_Anon: 9 kB\n";
  deepStrictEqual(parseRollup(text), { residentKib: 1234, proportionalKib: 567 });
  deepStrictEqual(parseRollup(""), { residentKib: 0, proportionalKib: 0 });
});

Deno.test("the table has a column for aims", () => {
  const lines = markdownTable([{ what: "a", value: "1" }, { what: "b", value: "2", aim: "<= 1", met: false }])
    .split("\n");
  strictEqual(lines.length, 4);
  strictEqual(lines[3], "| b    | 2     | <= 1 | no  |");
});

Deno.test("drivers stand side by side, whatever each was measured by", () => {
  const columns = [
    { name: "a", rows: [{ what: "x", value: "1" }, { what: "y", value: "2" }] },
    { name: "b", rows: [{ what: "x", value: "3" }, { what: "z", value: "4" }] },
  ];
  deepStrictEqual(sideBySide(columns).split("\n").slice(2), [
    "| x    | 1   | 3   |",
    "| y    | 2   |     |",
    "| z    |     | 4   |",
  ]);
});

Deno.test("what one more costs is not moved by a point that is off", () => {
  strictEqual(slope([[0, 10], [5, 20], [10, 30], [15, 500], [20, 50]]), 2);
  strictEqual(slope([[1, 1]]), NaN);
});
