import { deepStrictEqual, rejects } from "node:assert/strict";
import { Serial } from "./serial.ts";

Deno.test("work of one key runs in order, also after a failure; other keys do not wait", async () => {
  const serial = new Serial();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = serial.run("a", async () => {
    await gate.promise;
    log.push("a1");
    throw new Error("no");
  });
  const second = serial.run("a", async () => void log.push("a2"));
  await serial.run("b", async () => void log.push("b"));
  gate.resolve();
  await rejects(first, /no/);
  await second;
  deepStrictEqual(log, ["b", "a1", "a2"]);
});
