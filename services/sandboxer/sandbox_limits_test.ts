import { strictEqual, throws } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { moveSandboxLimits } from "./sandbox_limits.ts";

const MIB = 1 << 20;

function pod(mib: number, cpus: number): PodSandboxConfig {
  const resources = message(LinuxContainerResources, {
    memoryLimitInBytes: BigInt(mib * MIB),
    cpuQuota: BigInt(cpus * 100_000),
    cpuPeriod: 100_000n,
  });
  return message(PodSandboxConfig, { linux: message(LinuxPodSandboxConfig, { resources }) });
}

/** A cgroup with a limit, in which an application kernel has one of its own. */
async function withCgroups(
  version: 1 | 2,
  test: (move: (before: PodSandboxConfig, after: PodSandboxConfig) => void, read: Read) => void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  const files = version === 2
    ? {
      "s/memory.max": "max",
      "s/memory.current": `${90 * MIB}`,
      "s/cpu.max": "max 100000",
      "s/gvisor/memory.max": `${164 * MIB}`,
      "s/gvisor/memory.current": `${90 * MIB}`,
      "s/gvisor/cpu.max": "60000 100000",
    }
    : {
      "s/memory.limit_in_bytes": "9223372036854771712",
      "s/memory.usage_in_bytes": `${90 * MIB}`,
      "s/cpu.cfs_quota_us": "-1",
      "s/cpu.cfs_period_us": "100000",
      "s/gvisor/memory.limit_in_bytes": `${164 * MIB}`,
      "s/gvisor/memory.usage_in_bytes": `${90 * MIB}`,
      "s/gvisor/cpu.cfs_quota_us": "60000",
      "s/gvisor/cpu.cfs_period_us": "100000",
    };
  try {
    await Deno.mkdir(`${root}/s/gvisor`, { recursive: true });
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${root}/${name}`, text);
    const trees = [{ root, version }];
    test(
      (before, after) => moveSandboxLimits("/s", before, after, trees),
      (name) => Deno.readTextFileSync(`${root}/s/${name}`),
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

type Read = (name: string) => string;

Deno.test("version 2: limits follow the pod's by their difference, and a cgroup without one keeps none", async () => {
  await withCgroups(2, (move, read) => {
    move(pod(100, 0.5), pod(600, 2));
    strictEqual(read("gvisor/memory.max"), `${664 * MIB}`);
    strictEqual(read("gvisor/cpu.max"), "210000 100000");
    strictEqual(read("memory.max") + read("cpu.max"), "maxmax 100000");
  });
});

Deno.test("version 1 does the same", async () => {
  await withCgroups(1, (move, read) => {
    move(pod(100, 0.5), pod(90, 0.25));
    strictEqual(read("gvisor/memory.limit_in_bytes"), `${154 * MIB}`);
    strictEqual(read("gvisor/cpu.cfs_quota_us"), "35000");
    strictEqual(read("cpu.cfs_quota_us"), "-1");
  });
});

Deno.test("a sandbox that uses more than it is to have keeps its limit", async () => {
  for (const version of [1, 2] as const) {
    await withCgroups(version, (move, read) => {
      throws(() => move(pod(100, 1), pod(10, 1)), { code: "FAILED_PRECONDITION" });
      strictEqual(read(version === 2 ? "gvisor/memory.max" : "gvisor/memory.limit_in_bytes"), `${164 * MIB}`);
    });
  }
});
