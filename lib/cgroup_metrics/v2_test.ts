import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseFlat, parseNumber, readMetrics, UNLIMITED } from "./v2.ts";

const FILES: Record<string, string> = {
  "cpu.stat": "usage_usec 120\nuser_usec 100\nsystem_usec 20\nnr_periods 3\n",
  "memory.stat": "anon 4096\nfile 8192\ninactive_file 512\npgfault 7\n",
  "memory.events": "low 0\nhigh 0\nmax 2\noom 1\noom_kill 1\n",
  "memory.current": "12288\n",
  "memory.max": "max\n",
  "pids.current": "2\n",
  "pids.max": "64\n",
  "io.stat": "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n\n",
};

Deno.test("the files of a cgroup become metrics", () => {
  const metrics = readMetrics((name) => FILES[name] ?? "");
  strictEqual(metrics.cpu?.usageUsec, 120n);
  strictEqual(metrics.memory?.inactiveFile, 512n);
  strictEqual(metrics.memory?.usage, 12288n);
  strictEqual(metrics.memoryEvents?.oomKill, 1n);
  deepStrictEqual(metrics.pids, { current: 2n, limit: 64n });
  deepStrictEqual(metrics.io?.usage, [{
    major: 254n,
    minor: 0n,
    rbytes: 1n,
    wbytes: 2n,
    rios: 3n,
    wios: 4n,
  }]);
});

Deno.test("no limit is 2^64-1, whether the file says max or is not there", () => {
  const metrics = readMetrics((name) => FILES[name] ?? "");
  strictEqual(metrics.memory?.usageLimit, UNLIMITED);
  strictEqual(metrics.memory?.swapLimit, UNLIMITED);
  strictEqual(readMetrics(() => "").memory?.usageLimit, UNLIMITED);
});

Deno.test("garbage gives zeros and never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    parseNumber(text);
    parseFlat(text);
    readMetrics(() => text);
  }));
});
