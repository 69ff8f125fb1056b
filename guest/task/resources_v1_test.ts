import { deepStrictEqual } from "node:assert/strict";
import { cgroupWritesV1 } from "./resources_v1.ts";

const files = (...args: Parameters<typeof cgroupWritesV1>) =>
  cgroupWritesV1(...args).map(({ controller, file, value }) => `${controller} ${file}=${value}`);

Deno.test("of memory, and memory with swap, the one that must grow first is written first", () => {
  const memory = { limit: 200, swap: 300 };
  deepStrictEqual(files({ memory }, 100n), [
    "memory memory.memsw.limit_in_bytes=300",
    "memory memory.limit_in_bytes=200",
  ]);
  deepStrictEqual(files({ memory }, 1000n), [
    "memory memory.limit_in_bytes=200",
    "memory memory.memsw.limit_in_bytes=300",
  ]);
  deepStrictEqual(files({ memory: { limit: -1 } }, 1000n), [
    "memory memory.memsw.limit_in_bytes=-1",
    "memory memory.limit_in_bytes=-1",
  ]);
});

Deno.test("what is not told is not written", () => {
  deepStrictEqual(files({}, 0n), []);
  deepStrictEqual(files({ cpu: { cpus: "", quota: 0 }, pids: { limit: 0 } }, 0n), []);
});

Deno.test("every limit goes to its controller", () => {
  const cpu = { shares: 512, quota: -1, period: 100_000, cpus: "0-1", mems: "0" };
  deepStrictEqual(files({ cpu, pids: { limit: 10 }, memory: { reservation: 5 } }, 0n), [
    "cpu cpu.shares=512",
    "cpu cpu.cfs_period_us=100000",
    "cpu cpu.cfs_quota_us=-1",
    "cpuset cpuset.cpus=0-1",
    "cpuset cpuset.mems=0",
    "memory memory.soft_limit_in_bytes=5",
    "pids pids.max=10",
  ]);
  deepStrictEqual(files({ pids: { limit: -1 } }, 0n), ["pids pids.max=max"]);
});
