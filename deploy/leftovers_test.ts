import { deepStrictEqual } from "node:assert/strict";
import { leftovers } from "./leftovers.ts";

Deno.test("what uses a folder is found, what uses one with a longer name is not", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ko-" });
  const [inside, beside] = [`${dir}/a.sock`, `${dir}2.sock`];
  const listeners = [inside, beside].map((path) => Deno.listen({ transport: "unix", path }));
  try {
    deepStrictEqual(leftovers(dir), [`socket: ${inside}`]);
  } finally {
    for (const listener of listeners) listener.close();
    await Deno.remove(dir, { recursive: true });
    await Deno.remove(beside).catch(() => {});
  }
});
