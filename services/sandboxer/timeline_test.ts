import { deepStrictEqual, rejects } from "node:assert/strict";
import { Timeline, toPhases } from "./timeline.ts";

Deno.test("phases nest, failed ones included, and come in the order of their begins", async () => {
  const timeline = new Timeline();
  await rejects(timeline.phase("a", async () => {
    await timeline.phase("a/b", async () => {});
    throw new Error("boom");
  }));
  deepStrictEqual(timeline.phases.map(({ name }) => name), ["a/b", "a"]);
  const sorted = toPhases([{ name: "a/b", beginMs: 1, endMs: 2 }, { name: "a", beginMs: 1, endMs: 5 }]);
  deepStrictEqual(sorted.map(({ name }) => name), ["a", "a/b"]);
});
