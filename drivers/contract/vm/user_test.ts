import { ok, strictEqual } from "node:assert/strict";
import { userFor } from "./user.ts";

Deno.test("a sandbox has the same user each time, and none that another has", () => {
  const first = userFor("a", new Set());
  strictEqual(userFor("a", new Set()), first);
  const second = userFor("a", new Set([first]));
  ok(second !== first);
  const last = 0x7fff_ffff;
  for (const user of [first, second, userFor("b", new Set())]) {
    ok(user >= 0x7000_0000 && user <= last, `${user}`);
  }
});
