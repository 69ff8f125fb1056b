import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { cgroupWrites, weightOfShares } from "./resources_v2.ts";

Deno.test("shares become weights at the ends and in between", () => {
  deepStrictEqual([2, 1024, 262_144].map(weightOfShares), [1, 39, 10_000]);
});

Deno.test("resources become writes to a v2 cgroup", () => {
  const writes = cgroupWrites({
    cpu: { shares: 512, quota: 50_000, period: 100_000 },
    memory: { limit: 1 << 20, swap: 3 << 20 },
    pids: { limit: -1 },
  } as never);
  deepStrictEqual(writes.map((w) => `${w.file}=${w.value}`), [
    "cpu.weight=20",
    "cpu.max=50000 100000",
    "memory.max=1048576",
    "memory.swap.max=2097152",
    "pids.max=max",
  ]);
});

Deno.test("a negative quota is none, zero values change nothing, odd unified names are dropped", () => {
  deepStrictEqual(cgroupWrites({ cpu: { quota: -1, shares: 0 } } as never), [{
    file: "cpu.max",
    value: "max 100000",
  }]);
  deepStrictEqual(cgroupWrites({ unified: { "../x": "1", "memory.high": "5" } } as never), [{
    file: "memory.high",
    value: "5",
  }]);
  strictEqual(cgroupWrites({} as never).length, 0);
});
