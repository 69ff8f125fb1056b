import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { fromTimestamp, toTimestamp } from "./time.ts";

Deno.test("times survive the wire, also those before 1970", () => {
  fc.assert(fc.property(fc.integer({ min: -1e12, max: 4e12 }), (ms) => {
    const time = toTimestamp(ms);
    strictEqual(time.nanos >= 0 && time.nanos < 1e9, true);
    strictEqual(Math.abs(fromTimestamp(time) - ms) < 0.01, true);
  }));
  strictEqual(fromTimestamp({ seconds: -62135596800n, nanos: 0 }), -62135596800000);
});
