import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { prefixer, readLines } from "./lines.ts";

Deno.test("lines are joined across chunks and long ones are cut", async () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  async function* chunks() {
    yield encode("one\ntw");
    yield encode("o\n" + "x".repeat(20_000));
    yield encode("\nlast");
  }
  const lines: string[] = [];
  await readLines(chunks(), (line) => lines.push(line));
  deepStrictEqual(lines.map((l) => l.length), [3, 3, 20_000, 0, 4]);
});

Deno.test("prefixes are as wide as the longest name", () => {
  strictEqual(prefixer(["a", "long"], false)("a", "hello"), "a    | hello");
});
