import { deepStrictEqual } from "node:assert/strict";
import { podResources } from "./pod_resources.ts";
import { podWithResources } from "../testing/pod_with_resources.ts";

const MIB = 1n << 20n;

Deno.test("limits are the pod's with its overhead, or with ours where nobody has thought of one", () => {
  const own = 64n * MIB;
  deepStrictEqual(podResources(podWithResources({}), own), { cpu: {} });
  deepStrictEqual(podResources(podWithResources({}, { memoryLimitInBytes: MIB, cpuQuota: 1000n }), own), {
    cpu: {},
  });
  deepStrictEqual(
    podResources(
      podWithResources({
        memoryLimitInBytes: 10n * MIB,
        cpuQuota: 50_000n,
        cpuPeriod: 100_000n,
        cpuShares: 512n,
      }, {
        memoryLimitInBytes: 20n * MIB,
        cpuQuota: 10_000n,
      }),
      own,
    ),
    { memory: { limit: 30n * MIB }, cpu: { shares: 512, quota: 60_000, period: 100_000 } },
  );
});
