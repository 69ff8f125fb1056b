import { deepStrictEqual } from "node:assert/strict";
import { mergeLimits, sandboxLimits } from "./limits.ts";

const MIB = 1n << 20n;

Deno.test("a sandbox has the sum of its containers' limits, or none where one of them has none", () => {
  const both = { overheadBytes: 64n * MIB, cpu: true };
  const limited = { memory: { limit: Number(100n * MIB) }, cpu: { quota: 50_000, period: 50_000 } };
  deepStrictEqual(sandboxLimits([limited, limited], both), {
    memory: { limit: 264n * MIB },
    cpu: { quota: 200_000, period: 100_000 },
  });
  deepStrictEqual(sandboxLimits([limited, { memory: { limit: 1 } }], both).cpu, {
    quota: -1,
    period: 100_000,
  });
  deepStrictEqual(sandboxLimits([limited, {}], both).memory, { limit: -1n });
  deepStrictEqual(sandboxLimits([], both).memory, { limit: -1n });
  deepStrictEqual(sandboxLimits([limited], { overheadBytes: undefined, cpu: false }), {});
});

Deno.test("an update changes what it names", () => {
  const before = { memory: { limit: 10, swap: 20 }, cpu: { shares: 5 } };
  deepStrictEqual(mergeLimits(before, { memory: { limit: 30, swap: 0 }, cpu: { quota: 7 } }), {
    memory: { limit: 30, swap: 20 },
    cpu: { shares: 5, quota: 7 },
  });
});
