import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { toBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import { heldLimits, withHeldLimits } from "./held_limits.ts";
import type { SandboxRecord } from "./record.ts";

const pod = (cgroupParent: string) =>
  message(PodSandboxConfig, {
    linux: message(LinuxPodSandboxConfig, {
      cgroupParent,
      resources: message(LinuxContainerResources, { memoryLimitInBytes: 1n, cpuQuota: 2n, cpuShares: 3n }),
    }),
  });

/** Which limits hold where the files of a pod's cgroup are so. */
async function heldWith(
  version: 1 | 2,
  files: Readonly<Record<string, string>>,
  change: Partial<SandboxRecord> = {},
  parent = "/pod1",
) {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/pod1`);
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${root}/pod1/${name}`, text);
    const context = { cgroupTrees: [{ root, version }] } as unknown as Context;
    const podConfig = toBase64(PodSandboxConfig.encode(pod(parent)).finish());
    return heldLimits(context, { podConfig, ...change } as SandboxRecord);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const NONE = { memory: false, cpu: false };
const ALL = { memory: true, cpu: true };

Deno.test("a pod is limited where the cgroup of the kubelet's is", async () => {
  deepStrictEqual(await heldWith(2, { "memory.max": "max\n", "cpu.max": "max 100000\n" }), NONE);
  deepStrictEqual(await heldWith(2, { "memory.max": "4096\n", "cpu.max": "5000 100000\n" }), ALL);
  const v1 = { "memory.limit_in_bytes": "9223372036854771712\n", "cpu.cfs_period_us": "100000\n" };
  deepStrictEqual(await heldWith(1, { ...v1, "cpu.cfs_quota_us": "-1\n" }), NONE);
  deepStrictEqual(await heldWith(1, { ...v1, "cpu.cfs_quota_us": "5000\n" }), { memory: false, cpu: true });
});

Deno.test("where no cgroup can say so, what CRI tells are the pod's limits", async () => {
  deepStrictEqual(await heldWith(2, {}), ALL);
  const unlimited = { "memory.max": "max\n", "cpu.max": "max 100000\n" };
  deepStrictEqual(await heldWith(2, unlimited, {}, "/pod2"), ALL);
  deepStrictEqual(await heldWith(2, unlimited, {}, ""), ALL);
  deepStrictEqual(await heldWith(2, unlimited, { standalone: true }), ALL);
  deepStrictEqual(await heldWith(2, unlimited, { standalone: true, criDir: "/run/pod" }), NONE);
});

Deno.test("a driver is not told limits that do not hold", () => {
  const of = (held: typeof ALL) => withHeldLimits(pod("/pod1"), held).linux!.resources!;
  deepStrictEqual(of(ALL), pod("/pod1").linux!.resources);
  strictEqual(of(NONE).memoryLimitInBytes + of(NONE).cpuQuota, 0n);
  strictEqual(of(NONE).cpuShares, 3n);
});
