import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { cgroupFolders, cgroupLimits, makeCgroup, processesIn, removeCgroup } from "../../lib/cgroups/mod.ts";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import type { Pod } from "../harness/mod.ts";
import { driver, e2eOneProcess, e2eVm, limitsEndPods, useNode } from "./fixture.ts";

const node = useNode();
const MIB = 1 << 20;

/** Runs a test with a cgroup for its pods, as a kubelet makes one. */
async function withParent(run: (path: string, folders: string[]) => Promise<void>): Promise<void> {
  const path = `/kuasar-oom-${Deno.pid}`;
  const folders = makeCgroup(path);
  // After a failure there are pods in it: it is the failure that tells.
  await run(path, folders);
  await removeCgroup(folders);
}

/** The values of a pod's processes, each once. */
function valuesOf(parent: string, pod: Pod): number[] {
  const pids = processesIn(cgroupFolders(`${parent}/kuasar_${pod.id}`));
  ok(pids.length > 0, "the pod has processes");
  return [...new Set(pids.map((pid) => Number(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`))))];
}

e2eOneProcess(
  "the processes of a pod are as easy to end as the best protected of its containers, and leave no core",
  node,
  async (node) => {
    await withParent(async (cgroupParent) => {
      // Not below 0: a test machine may have no capability for that.
      const pod = await node.runPod({ name: "score", cgroupParent, resources: { oomScoreAdj: 200 } });
      deepStrictEqual(valuesOf(cgroupParent, pod), [200]);
      for (const pid of processesIn(cgroupFolders(`${cgroupParent}/kuasar_${pod.id}`))) {
        const limits = Deno.readTextFileSync(`/proc/${pid}/limits`);
        match(limits, /^Max core file size +0 +0 /m);
        strictEqual(Deno.readTextFileSync(`/proc/${pid}/coredump_filter`).trim(), "00000000");
      }
      const image = await node.image("busybox");
      const command = ["sleep", "1000"];
      const first = await pod.run({ name: "a", image, command, oomScoreAdj: 400 });
      deepStrictEqual(valuesOf(cgroupParent, pod), [400]);
      const second = await pod.run({ name: "b", image, command, oomScoreAdj: 300 });
      deepStrictEqual(valuesOf(cgroupParent, pod), [300]);
      for (const container of [second, first]) await container.remove();
      deepStrictEqual(valuesOf(cgroupParent, pod), [200]);
      await pod.remove();
      // Of a pod whose containers are the only ones to tell what it is worth, as a kubelet's.
      const other = await node.runPod({ name: "told", cgroupParent });
      await (await other.run({ name: "c", image, command, oomScoreAdj: 400 })).remove();
      deepStrictEqual(valuesOf(cgroupParent, other), [400]);
      await other.remove();
    });
  },
);

/** Limits the memory of a cgroup. */
function limit(folders: readonly string[], mib: number): void {
  for (const name of ["memory.limit_in_bytes", "memory.max"]) {
    for (const folder of folders) {
      if (exists(`${folder}/${name}`)) Deno.writeTextFileSync(`${folder}/${name}`, String(mib * MIB));
    }
  }
}

/** What a cgroup uses, in MiB. */
function used(folders: readonly string[]): number {
  const names = folders.flatMap((folder) => [`${folder}/memory.usage_in_bytes`, `${folder}/memory.current`]);
  return Math.ceil(Number(Deno.readTextFileSync(names.find(exists)!)) / MIB);
}

e2eVm(
  "a VM that the host's memory controller ends says so, and what would have made room",
  node,
  async (node) => {
    await withParent(async (cgroupParent, folders) => {
      const resources = { memoryLimitBytes: 256 * MIB };
      limit(folders, 1024);
      const pod = await node.runPod({ name: "oom", cgroupParent, resources });
      const container = await pod.run({
        name: "c",
        image: await node.image("busybox"),
        command: ["sleep", "1000"],
      });
      const limitMib = used(folders) + 32;
      limit(folders, limitMib);
      await container.shell("dd if=/dev/zero of=/dev/shm/fill bs=1M count=60").catch(() => {});
      await container.shell("dd if=/dev/zero of=/tmp/fill bs=1M count=120").catch(() => {});
      await pod.waitForEnd();
      const info = JSON.parse((await pod.status()).info.info ?? "{}");
      match(
        JSON.stringify(info),
        new RegExp(
          `the host's memory controller ended the VM: the limit of ${cgroupParent} is ${limitMib} MiB, where the guest has ` +
            "320 MiB .*overhead.podFixed.memory of the pod's RuntimeClass is 0 MiB, 160 MiB would do",
        ),
      );
      await pod.remove();
    });
  },
);

e2eVm("a pod whose limit is too small to start says so", node, async (node) => {
  await withParent(async (cgroupParent, folders) => {
    limit(folders, 24);
    const resources = { memoryLimitBytes: 256 * MIB };
    await rejects(node.runPod({ name: "small", cgroupParent, resources }), (error) => {
      const { message } = asKuasarError(error);
      match(message, /Cannot start sandbox \w+: the host's memory controller ended the VM: .* is 24 MiB/);
      match(message, /160 MiB would do/);
      return true;
    });
  });
});

e2eOneProcess("limits of some containers are not limits of the pod", node, async (node) => {
  if (driver === "quark") return console.log("skipped: of Quark's pods nothing tells what they may use");
  await withParent(async (cgroupParent) => {
    // What a kubelet sums up; the cgroup that it has made for the pod has no limit, since not all of them have one.
    const resources = { memoryLimitBytes: 64 * MIB, cpuQuotaUs: 50_000 };
    const pod = await node.runPod({ name: "some", cgroupParent, resources });
    const image = await node.image("busybox");
    const command = ["sleep", "1000"];
    const limited = await pod.run({ name: "a", image, command, memoryLimitBytes: 64 * MIB });
    await pod.run({ name: "b", image, command });
    if (driver === "gvisor") {
      const { memoryBytes, cpuQuotaUs } = cgroupLimits(`${cgroupParent}/kuasar_${pod.id}/gvisor`);
      deepStrictEqual([memoryBytes, cpuQuotaUs], [null, null]);
    } else {
      const { stdout } = await limited.shell("grep MemTotal /proc/meminfo");
      const mib = Number(/\d+/.exec(stdout)?.[0]) / 1024;
      ok(mib > 200, `a VM of a limited pod has 128 MiB, and this one ${mib}`);
    }
    await pod.remove();
  });
});

if (limitsEndPods) {
  e2eOneProcess("a sandbox that its limit has ended says so", node, async (node) => {
    const pod = await node.runPod({ name: "over", resources: { memoryLimitBytes: 24 * MIB } });
    const command = ["sh", "-c", "exec dd if=/dev/zero of=/dev/shm/fill bs=1M count=60"];
    const container = await pod.run({ name: "c", image: await node.image("busybox"), command });
    await container.waitForExit();
    await pod.waitForEnd();
    const info = JSON.stringify((await pod.status()).info);
    match(
      info,
      new RegExp(`the host's memory controller ended the sandbox: the limit of .*kuasar_${pod.id}.* MiB`),
    );
    await pod.remove();
  });
}
