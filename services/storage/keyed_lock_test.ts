import { deepStrictEqual, rejects } from "node:assert/strict";
import { KeyedLock } from "./keyed_lock.ts";

Deno.test("work of one key runs in order, also after a failure; another key does not wait", async () => {
  const lock = new KeyedLock();
  const ran: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = lock.run("a", async () => {
    await gate.promise;
    ran.push("a1");
    throw new Error("failed");
  });
  const second = lock.run("a", async () => void ran.push("a2"));
  await lock.run("b", async () => void ran.push("b"));
  gate.resolve();
  await rejects(first, /failed/);
  await second;
  deepStrictEqual(ran, ["b", "a1", "a2"]);
});
