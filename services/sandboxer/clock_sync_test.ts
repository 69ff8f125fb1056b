import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { clockDelta } from "./clock_sync.ts";

Deno.test("the difference of clocks does not depend on the way's length", () => {
  fc.assert(fc.property(fc.bigInt(0n, 10n ** 9n), fc.bigInt(-(10n ** 12n), 10n ** 12n), (way, offset) => {
    const sent = 10n ** 18n;
    const arrived = sent + way + offset;
    const times = {
      ClientSendTime: sent,
      ClientArriveTime: arrived,
      ServerSendTime: arrived,
      ServerArriveTime: sent + 2n * way,
    };
    strictEqual(clockDelta(times), -offset);
  }));
});
