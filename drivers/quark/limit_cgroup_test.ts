import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { limitCgroup, limitWrites } from "./limit_cgroup.ts";

Deno.test("limits are written where each version of cgroups has them", () => {
  const limits = { memory: { limit: 1024 }, cpu: { quota: 50_000 } };
  deepStrictEqual(limitWrites(limits, 2), [
    { file: "memory.max", value: "1024" },
    { file: "cpu.max", value: "50000 100000" },
  ]);
  deepStrictEqual(limitWrites(limits, 1).map(({ file }) => file), [
    "memory.limit_in_bytes",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
  ]);
  deepStrictEqual(limitWrites({ cpu: { quota: -1 } }, 1), []);
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/pod`);
    Deno.writeTextFileSync(`${root}/pod/memory.max`, "max");
    limitCgroup("/pod", limits, [{ root, version: 2 }]);
    strictEqual(Deno.readTextFileSync(`${root}/pod/memory.max`), "1024");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
