import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { TokenBucket } from "./token_bucket.ts";

Deno.test("a burst passes at once, what follows has its rate", () => {
  const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, 1000);
  strictEqual([1, 2, 3].every(() => bucket.take(1, 1000) === 0), true);
  strictEqual(bucket.take(1, 1000), 500);
  strictEqual(bucket.take(1, 1500), 500);
  // A rest fills it again, and not beyond the burst.
  strictEqual([1, 2, 3].every(() => bucket.take(1, 60_000) === 0), true);
  strictEqual(bucket.take(1, 60_000), 500);
});

Deno.test("whoever waits as told gets no more than the rate and one burst", () => {
  const takes = fc.array(fc.record({ count: fc.nat(50), restMs: fc.nat(2000) }), { minLength: 1 });
  fc.assert(fc.property(takes, (list) => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, 0);
    let [now, taken] = [0, 0];
    for (const { count, restMs } of list) {
      now += restMs;
      const wait = bucket.take(count, now);
      taken += count;
      now += wait;
      strictEqual(taken <= 20 + now / 100 + 1e-6, true, `${taken} in ${now} ms`);
    }
  }));
});
