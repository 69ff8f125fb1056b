import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseStat, processUsage } from "./process_usage.ts";

Deno.test("the statistics of a process are read past any name", async () => {
  const rest = `S 1 1 1 0 -1 0 0 0 0 0 7 3 0 0 20 0 5 0 100 1000 25 ${"0 ".repeat(20)}`;
  deepStrictEqual(parseStat(`42 (a) b) (x) ${rest}`), {
    userUs: 70_000,
    systemUs: 30_000,
    threads: 5,
    residentBytes: 25 * 4096,
  });
  strictEqual(await processUsage(0x7fff_fffe), undefined);
  strictEqual((await processUsage(Deno.pid))?.threads === 0, false);
});
