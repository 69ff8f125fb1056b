import { match, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { toBase64 } from "./base64.ts";
import { loadSandboxerConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { memoryKill } from "./memory_kill.ts";
import type { SandboxRecord } from "./record.ts";

const MIB = 1n << 20n;
const config = loadSandboxerConfig(undefined);

/** What is told of a VM of `memoryMib` whose cgroup has these files. */
async function tell(
  files: Readonly<Record<string, string>>,
  { limit = 0n, overhead = 0n, ...more }: { limit?: bigint; overhead?: bigint } & Partial<SandboxRecord>,
): Promise<string | undefined> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/pod/kuasar_s`, { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}/pod/${path.slice(0, Math.max(0, path.lastIndexOf("/")))}`, {
        recursive: true,
      });
      await Deno.writeTextFile(`${root}/pod/${path}`, text);
    }
    const resources = (memoryLimitInBytes: bigint) =>
      message(LinuxContainerResources, { memoryLimitInBytes });
    const linux = message(LinuxPodSandboxConfig, {
      resources: resources(limit * MIB),
      overhead: resources(overhead * MIB),
    });
    const podConfig = toBase64(PodSandboxConfig.encode(message(PodSandboxConfig, { linux })).finish());
    const cgroupTrees = [{ root, version: 2 as const }];
    const record = { cgroup: "/pod/kuasar_s", podConfig, ...more } as SandboxRecord;
    return memoryKill({ cgroupTrees, config } as unknown as Context, record);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const killed = (limitMib: bigint) => ({
  "kuasar_s/memory.events.local": "oom 0\noom_kill 1\n",
  "memory.events.local": "oom 1\noom_kill 0\n",
  "memory.max": `${limitMib * MIB}\n`,
});

Deno.test("a VM that no memory controller has ended has another reason", async () => {
  strictEqual(await tell({}, { memoryMib: 256 }), undefined);
  strictEqual(await tell({ "kuasar_s/memory.events.local": "oom_kill 0\n" }, { memoryMib: 256 }), undefined);
});

Deno.test("one that it has ended: limit, need, and the overhead that would have made room", async () => {
  match(
    await tell(killed(542n), { memoryMib: 576, limit: 512n, overhead: 30n }) ?? "",
    /the limit of \/pod is 542 MiB, where the guest has 576 MiB and what runs it up to 96 MiB; overhead.podFixed.memory of the pod's RuntimeClass is 30 MiB, 160 MiB would do$/,
  );
  // The smallest VM is larger than such a pod.
  match(await tell(killed(16n), { memoryMib: 128, limit: 16n }) ?? "", /is 0 MiB, 208 MiB would do$/);
  match(
    await tell(killed(672n), { memoryMib: 576, limit: 512n, overhead: 160n }) ?? "",
    /is 160 MiB, and with it sizing.vmm_overhead_mib has to be more$/,
  );
});

Deno.test("a pod without a limit of its own, and a host without memory", async () => {
  match(
    await tell(killed(200n), { memoryMib: 256 }) ?? "",
    /a limit of 352 MiB would do, or a guest with less/,
  );
  strictEqual(
    await tell({ "kuasar_s/memory.events.local": "oom_kill 1\n" }, { memoryMib: 256 }),
    "the host ran out of memory and its kernel ended the VM",
  );
});

Deno.test("an application kernel is ended in a cgroup of its own; a container of the host's kernel is nobody's VM", async () => {
  const files = {
    "kuasar_s/gvisor/memory.events.local": "oom 1\noom_kill 1\n",
    "kuasar_s/gvisor/memory.max": `${96n * MIB}\n`,
  };
  strictEqual(
    await tell(files, { onHost: true, ownKernel: true }),
    "the host's memory controller ended the sandbox: the limit of /pod/kuasar_s/gvisor is 96 MiB, for all of the pod and its " +
      "kernel (runtime.overhead_in_mb)",
  );
  strictEqual(await tell(files, { onHost: true }), undefined);
});
