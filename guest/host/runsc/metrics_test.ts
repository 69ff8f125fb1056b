import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { metricsOf } from "./metrics.ts";

/** What runsc 20240729 answers, shortened. */
const ANSWER = {
  event: {
    type: "stats",
    id: "c1",
    data: {
      cpu: { usage: {} },
      memory: { usage: { limit: 0, usage: 4444160, failcnt: 0 } },
      pids: { current: 3 },
    },
  },
  containerUsage: { c1: 50_000_000, sb1: 10_000_000 },
};

Deno.test("a container's part of its sandbox's CPU time is in proportion to what the sandbox has counted", () => {
  const { cpu, memory, pids } = metricsOf("c1", ANSWER, 300_000_000n);
  strictEqual(cpu?.usageUsec, 250_000n);
  deepStrictEqual([memory?.usage, memory?.anon, pids?.current], [4444160n, 4444160n, 3n]);
  strictEqual(memory?.usageLimit, 2n ** 64n - 1n, "a limit of 0 would be taken for one");
});

Deno.test("without a cgroup the sandbox's own count is taken, and a container without processes has none", () => {
  strictEqual(metricsOf("c1", ANSWER, 0n).cpu?.usageUsec, 50_000n);
  strictEqual(metricsOf("gone", ANSWER, 300_000_000n).cpu?.usageUsec, 0n);
  strictEqual(metricsOf("c1", {}, 300_000_000n).cpu?.usageUsec, 0n);
});

Deno.test("a sandbox may answer anything", () => {
  for (const nothing of [null, 1, "x", undefined]) {
    throws(() => metricsOf("c1", nothing, 1n), { code: "INTERNAL" });
  }
  fc.assert(fc.property(fc.jsonValue(), fc.bigInt({ min: 0n, max: 2n ** 64n }), (answer, ns) => {
    if (typeof answer !== "object" || answer === null) return;
    metricsOf("c1", answer, ns);
    metricsOf("c1", { containerUsage: answer, event: { data: { memory: answer, pids: answer } } }, ns);
  }));
});
