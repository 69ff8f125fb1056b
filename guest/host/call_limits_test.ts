import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { GUEST_KEYS } from "../../drivers/contract/vm/guest_config.ts";
import { configuredElsewhere } from "./call_limits.ts";

Deno.test("without a deadline of the caller's, a VM has all the time that can be configured", () => {
  const { timeoutMs, awayMs } = configuredElsewhere(undefined);
  ok(timeoutMs > GUEST_KEYS.boot_timeout.max! * 1000);
  // A sandboxer that is not there is another matter.
  ok(awayMs! < timeoutMs);
});

Deno.test("the caller's deadline is not shortened", () => {
  strictEqual(configuredElsewhere(800_000).timeoutMs, 800_000);
  deepStrictEqual(configuredElsewhere(1).timeoutMs, 1);
});
