import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import { InfoResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { loadSandboxerConfig } from "./config.ts";
import { unheldDefaults, vmSize } from "./sizing.ts";

const config = loadSandboxerConfig(undefined);

const MIB = 1n << 20n;

/** The size of a pod's VM. */
function sizeOf(linux?: Partial<LinuxPodSandboxConfig>) {
  const pod = message(PodSandboxConfig, linux ? { linux: message(LinuxPodSandboxConfig, linux) } : {});
  return vmSize(pod, config.sizing);
}

const resourcesOf = (some: Partial<LinuxContainerResources>) => message(LinuxContainerResources, some);

Deno.test("a pod without resources takes the driver's defaults", () => {
  deepStrictEqual(sizeOf(), { vcpus: 0, memoryMib: 0 });
  deepStrictEqual(sizeOf({ resources: resourcesOf({}) }), { vcpus: 0, memoryMib: 0 });
});

Deno.test("CPUs of resources and overhead are summed up and rounded up, memory has the guest's own share", () => {
  const resources = resourcesOf({
    cpuPeriod: 100_000n,
    cpuQuota: 150_000n,
    memoryLimitInBytes: 512n * MIB,
  });
  const overhead = resourcesOf({
    cpuPeriod: 100_000n,
    cpuQuota: 60_000n,
    memoryLimitInBytes: 100n * MIB + 1n,
  });
  deepStrictEqual(sizeOf({ resources, overhead }), { vcpus: 3, memoryMib: 512 + 64 });
  deepStrictEqual(sizeOf({ overhead }).memoryMib, 0);
  strictEqual(sizeOf({ resources: resourcesOf({ memoryLimitInBytes: 16n * MIB }) }).memoryMib, 128);
});

Deno.test("guest and VMM fit into the limit of the pod's cgroup, whatever the overhead", () => {
  for (const overheadMib of [160, 161, 200, 1_000]) {
    const { memoryMib } = sizeOf({
      resources: resourcesOf({ memoryLimitInBytes: 512n * MIB }),
      overhead: resourcesOf({ memoryLimitInBytes: BigInt(overheadMib) * MIB }),
    });
    strictEqual(memoryMib + config.sizing.vmm_overhead_mib, 512 + overheadMib);
  }
});

Deno.test("limits that do not hold for the pod come on top of the driver's default", () => {
  const resources = resourcesOf({
    cpuPeriod: 100_000n,
    cpuQuota: 150_000n,
    memoryLimitInBytes: 512n * MIB,
  });
  const info = { ...InfoResponse.decode(new Uint8Array(0)), memoryMib: 1024n, vcpus: 2 };
  const sizeWith = (memory: boolean, cpu: boolean, some = resources) => {
    const pod = message(PodSandboxConfig, { linux: message(LinuxPodSandboxConfig, { resources: some }) });
    return vmSize(pod, config.sizing, unheldDefaults({ memory, cpu }, info));
  };
  deepStrictEqual(sizeWith(true, true), { vcpus: 2, memoryMib: 576 });
  deepStrictEqual(sizeWith(false, true), { vcpus: 2, memoryMib: 1536 });
  deepStrictEqual(sizeWith(false, false), { vcpus: 4, memoryMib: 1536 });
  deepStrictEqual(sizeWith(false, false, resourcesOf({})), { vcpus: 0, memoryMib: 0 });
});
