import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { metricsOf, usageIn } from "./metrics.ts";

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

const context = (cpuNs = 0n, memoryBytes = 0n, others: bigint[] = []) => ({
  host: { cpuNs, memoryBytes },
  memoryBytes: [4444160n, ...others],
  memoryLimit: 0n,
});
const measure = (name: string, cpuNs: bigint) => metricsOf(name, usageIn(ANSWER), context(cpuNs));

Deno.test("a container's part of its sandbox's CPU time is in proportion to what the sandbox has counted", () => {
  strictEqual(measure("c1", 300_000_000n).cpu?.usageUsec, 300_000n * 55n / 70n);
  strictEqual(
    measure("c1", 0n).cpu?.usageUsec,
    55_000n,
    "without a cgroup the sandbox's own count is all there is",
  );
  strictEqual(measure("idle", 75_000_000n).cpu?.usageUsec, 5_000n, "half a tick of all");
  const gone = usageIn({ ...ANSWER, event: { data: { pids: {} } } });
  strictEqual(metricsOf("gone", gone, context(300_000_000n)).cpu?.usageUsec, 0n);
});

Deno.test("the memory of containers adds up to what the host has counted", () => {
  const [alone, first] = [[], [1_000_000n]].map((others) =>
    metricsOf("c1", usageIn(ANSWER), context(0n, 10_000_000n, others)).memory
  );
  strictEqual(alone?.usage, 10_000_000n);
  strictEqual(first?.usage, 4444160n + (10_000_000n - 5444160n) / 2n);
  strictEqual(measure("c1", 0n).memory?.usage, 4444160n);
});

Deno.test("a limit is told where there is one", () => {
  deepStrictEqual(measure("c1", 1n).pids?.current, 3n);
  strictEqual(measure("c1", 1n).memory?.usageLimit, 2n ** 64n - 1n, "a limit of 0 would be taken for one");
  strictEqual(metricsOf("c1", usageIn(ANSWER), { ...context(), memoryLimit: 64n }).memory?.usageLimit, 64n);
});

Deno.test("a sandbox may answer anything", () => {
  for (const nothing of [null, 1, "x", undefined]) throws(() => usageIn(nothing), { code: "INTERNAL" });
  fc.assert(fc.property(fc.jsonValue(), fc.bigInt({ min: 0n, max: 2n ** 64n }), (answer, ns) => {
    if (typeof answer !== "object" || answer === null) return;
    metricsOf("c1", usageIn(answer), context(ns, ns));
    const nested = { containerUsage: answer, event: { data: { memory: answer, pids: answer } } };
    metricsOf("c1", usageIn(nested), context(ns, ns));
  }));
});
