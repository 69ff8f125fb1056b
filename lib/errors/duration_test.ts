import { match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { formatDuration } from "./mod.ts";

Deno.test("a duration is told as people say it", () => {
  for (
    const [ms, text] of [
      [0, "0 ms"],
      [1, "1 ms"],
      [250.4, "250 ms"],
      [999.5, "1 s"],
      [1_500, "1.5 s"],
      [29_999.998083000002, "30 s"],
      [59_999.67928899999, "60 s"],
      [90_000, "90 s"],
      [120_000, "2 min"],
      [150_000, "2.5 min"],
      [600_000, "10 min"],
      [20 * 24 * 3_600_000, "480 h"],
    ] as const
  ) strictEqual(formatDuration(ms), text);
});

Deno.test("no measured duration has more than one decimal", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (ms) => {
      match(formatDuration(ms), /^\d+(\.\d)? (ms|s|min|h)$/);
    }),
  );
});
