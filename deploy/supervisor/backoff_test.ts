import { ok, strictEqual } from "node:assert/strict";
import { Backoff, HEALTHY_AFTER_MS, MAX_DELAY_MS } from "./backoff.ts";

Deno.test("restarts are fast at first, then slower up to a limit, and fast again after good health", () => {
  const backoff = new Backoff();
  const first = backoff.next(0);
  ok(first <= 20);
  let last = first;
  for (let i = 0; i < 12; i++) {
    const next = backoff.next(0);
    ok(next >= last);
    last = next;
  }
  strictEqual(last, MAX_DELAY_MS);
  strictEqual(backoff.next(HEALTHY_AFTER_MS), first);
});
