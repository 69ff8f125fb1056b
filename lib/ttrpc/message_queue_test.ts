import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { MessageQueue } from "./message_queue.ts";

Deno.test("messages come in order and the iteration ends", async () => {
  const queue = new MessageQueue<number>();
  for (const n of [1, 2, 3]) void queue.push(n);
  queue.end();
  const got: number[] = [];
  for await (const n of queue) got.push(n);
  deepStrictEqual(got, [1, 2, 3]);
});

Deno.test("a full queue holds the writer back until there is room", async () => {
  const queue = new MessageQueue<number>(2);
  strictEqual(queue.push(1), undefined);
  let free = false;
  const room = queue.push(2)?.then(() => free = true);
  await Promise.resolve();
  strictEqual(free, false);
  strictEqual(await queue.next(), 1);
  await room;
  strictEqual(free, true);
});

Deno.test("an error comes behind the messages before it", async () => {
  const queue = new MessageQueue<number>();
  void queue.push(1);
  queue.fail(new Error("lost"));
  strictEqual(await queue.next(), 1);
  await rejects(queue.next(), /lost/);
});

Deno.test("an abandoned queue lets its writer go and drops what comes", async () => {
  const queue = new MessageQueue<number>(1);
  const room = queue.push(1);
  queue.abandon();
  await room;
  strictEqual(queue.push(2), undefined);
  strictEqual(await queue.next(), undefined);
});
