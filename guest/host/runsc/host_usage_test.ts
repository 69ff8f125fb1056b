import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { cpuTimeIn, memoryIn } from "./host_usage.ts";

Deno.test("CPU time of either version of cgroups is in ns", () => {
  strictEqual(cpuTimeIn("152410127\n"), 152410127n);
  strictEqual(cpuTimeIn("usage_usec 1500\nuser_usec 1000\n"), 1_500_000n);
  strictEqual(cpuTimeIn(""), 0n);
});

Deno.test("a working set leaves out files that the kernel could drop", () => {
  deepStrictEqual(
    [
      memoryIn("1000\n", "inactive_file 300\nactive_file 5\n"),
      memoryIn("1000\n", "inactive_file 1\ntotal_inactive_file 400\n"),
      memoryIn("100\n", "inactive_file 300\n"),
      memoryIn("100\n", ""),
      memoryIn("", "inactive_file 300\n"),
    ],
    [700n, 600n, 0n, 100n, 0n],
  );
});
