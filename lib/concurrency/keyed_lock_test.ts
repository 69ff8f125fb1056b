import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { KeyedLock } from "./keyed_lock.ts";

Deno.test("what shares a key runs in order, also after a failure; other keys do not wait", async () => {
  const lock = new KeyedLock();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => {
    await gate.promise;
    seen.push("a1");
    throw new Error("a1 failed");
  });
  const second = lock.run("a", async () => {
    seen.push("a2");
    return 2;
  });
  await lock.run("b", async () => {
    seen.push("b1");
  });
  gate.resolve();
  await rejects(first, /a1 failed/);
  deepStrictEqual(await second, 2);
  deepStrictEqual(seen, ["b1", "a1", "a2"]);
  strictEqual(lock.size, 0, "keys that nobody uses are forgotten");
});
