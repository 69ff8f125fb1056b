import { ok, rejects, strictEqual } from "node:assert/strict";
import { cgroupFolders, makeCgroup, processesIn, removeCgroup } from "../../lib/cgroups/mod.ts";
import { message } from "../../lib/cri/mod.ts";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { bindMount, openPath, unmountBelow } from "../../lib/mounts/mod.ts";
import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import { ControllerDefinition } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { Sandbox } from "../../lib/proto/gen/containerd/types/types.ts";
import { type Container, findProcesses, type Node, PATIENCE_MS } from "../harness/mod.ts";
import {
  driver,
  e2e,
  e2eLimits,
  e2eMountsBelow,
  e2eOurs,
  e2eShared,
  ociRuntime,
  underVm as vm,
  useNode,
} from "./fixture.ts";

const node = useNode();
const MIB = 1 << 20;

e2e("stats show CPU time and memory of a container", node, async (node) => {
  const pod = await node.runPod({ name: "stats" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=1M count=8; echo filled; exec sleep 1000"],
    memoryLimitBytes: 64 * MIB,
  });
  await container.waitForLog("filled");
  const { cpu, memory } = await container.stats();
  ok(cpu!.usageCoreNanoSeconds!.value > 0n);
  const used = memory!.workingSetBytes!.value;
  ok(used >= 8n << 20n && used < 64n << 20n, `working set ${used}`);
  await pod.remove();
});

e2eLimits("the limits of a running container can be changed", node, async (node) => {
  const pod = await node.runPod({ name: "update" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
    memoryLimitBytes: 128 * MIB,
  });
  const available = async () => Number((await container.stats()).memory!.availableBytes!.value);
  const before = await available();
  ok(before > 100 * MIB && before <= 128 * MIB, `before: ${before}`);
  await container.update({ memoryLimitBytes: 64 * MIB, cpuShares: 512 });
  const after = await available();
  ok(after > 32 * MIB && after <= 64 * MIB, `after: ${after}`);
  await pod.remove();
});

e2eShared(
  "folders and files of the host appear in a container, read-only where asked",
  node,
  async (node) => {
    const dir = `${node.runDir}/volume`;
    await Deno.mkdir(dir);
    await Deno.writeTextFile(`${dir}/greeting`, "from the host\n");
    await Deno.chmod(dir, 0o777);
    const pod = await node.runPod({ name: "volumes" });
    const container = await pod.run({
      name: "c",
      image: await node.image("busybox"),
      command: ["sleep", "1000"],
      mounts: [
        { containerPath: "/rw", hostPath: dir },
        { containerPath: "/ro", hostPath: dir, readonly: true },
        { containerPath: "/file", hostPath: `${dir}/greeting`, readonly: true },
      ],
    });
    strictEqual(
      (await container.shell("cat /rw/greeting /ro/greeting /file")).stdout,
      "from the host\n".repeat(3),
    );
    strictEqual((await container.shell("echo from the guest > /rw/answer")).exitCode, 0);
    strictEqual(await Deno.readTextFile(`${dir}/answer`), "from the guest\n");
    ok((await container.shell("echo no > /ro/answer")).exitCode !== 0, "a read-only volume takes no file");
    ok((await container.shell("echo no > /file")).exitCode !== 0, "a read-only file cannot be written");
    strictEqual(await Deno.readTextFile(`${dir}/answer`), "from the guest\n");
    await pod.remove();
    await Deno.remove(dir, { recursive: true });
  },
);

e2eMountsBelow("a read-only volume leaves the mounts below it as they are", node, async (node) => {
  const dir = `${node.runDir}/nested`;
  await Deno.mkdir(`${dir}/below`, { recursive: true });
  await Deno.mkdir(`${node.runDir}/other`);
  using other = openPath(`${node.runDir}/other`);
  bindMount(other, `${dir}/below`);
  try {
    const pod = await node.runPod({ name: "nested" });
    const container = await pod.run({
      name: "c",
      image: await node.image("busybox"),
      command: ["sleep", "1000"],
      mounts: [{ containerPath: "/ro", hostPath: dir, readonly: true }],
    });
    ok((await container.shell("echo 1 > /ro/file")).exitCode !== 0, "the volume takes no file");
    strictEqual((await container.shell("echo 2 > /ro/below/file")).exitCode, 0, "the mount below does");
    strictEqual(await Deno.readTextFile(`${node.runDir}/other/file`), "2\n");
    await pod.remove();
  } finally {
    unmountBelow(`${dir}/below`);
    await Deno.remove(dir, { recursive: true });
    await Deno.remove(`${node.runDir}/other`, { recursive: true });
  }
});

e2eMountsBelow(
  "what the host mounts below a volume later is seen where that is asked for",
  node,
  async (node) => {
    const dir = `${node.runDir}/later`;
    await Deno.mkdir(`${dir}/below`, { recursive: true });
    await Deno.mkdir(`${node.runDir}/other`);
    await Deno.writeTextFile(`${node.runDir}/other/file`, "came later\n");
    using source = openPath(dir);
    bindMount(source, dir, { propagation: "shared" });
    try {
      const pod = await node.runPod({ name: "later" });
      const container = await pod.run({
        name: "c",
        image: await node.image("busybox"),
        command: ["sleep", "1000"],
        mounts: [
          { containerPath: "/private", hostPath: dir },
          { containerPath: "/slave", hostPath: dir, hostToContainer: true },
        ],
      });
      using other = openPath(`${node.runDir}/other`);
      bindMount(other, `${dir}/below`);
      strictEqual((await container.shell("cat /slave/below/file")).stdout, "came later\n");
      // youki has one propagation for all mounts of a container.
      const shown = ociRuntime === "youki" ? "file\n" : "";
      strictEqual((await container.shell("ls /private/below")).stdout, shown);
      unmountBelow(`${dir}/below`);
      // A guest may take a second to ask the host again what is mounted there.
      const gone = 'until [ -z "$(ls /slave/below)" ]; do sleep 0.1; done';
      strictEqual((await container.shell(gone)).exitCode, 0);
      await pod.remove();
    } finally {
      unmountBelow(dir);
      await Deno.remove(dir, { recursive: true });
      await Deno.remove(`${node.runDir}/other`, { recursive: true });
    }
  },
);

e2e("a read-only root file system takes no file", node, async (node) => {
  const pod = await node.runPod({ name: "read-only" });
  const container = await pod.run({
    name: "c",
    image: await node.image("busybox"),
    command: ["sleep", "1000"],
    readonlyRootfs: true,
  });
  ok((await container.shell("echo x > /file")).exitCode !== 0);
  strictEqual((await container.shell("echo x > /dev/shm/file")).exitCode, 0);
  await pod.remove();
});

e2eOurs(
  "the processes of a pod are in its cgroup on the host, and its stats say what they use",
  node,
  async (node) => {
    const cgroupParent = `/kuasar-e2e-${Deno.pid}`;
    // As the kubelet does.
    const parents = makeCgroup(cgroupParent);
    try {
      const pod = await node.runPod({ name: "stats", cgroupParent });
      await pod.run({ name: "c", image: await node.image("busybox"), command: ["sleep", "1000"] });
      const pids = vm
        ? findProcesses(/./, pod.id).filter((pid) => !belongsToNode(node, pid))
        : processesIn(cgroupFolders(cgroupParent));
      ok(pids.length > 0, "the pod has processes");
      for (const pid of pids) {
        ok(
          Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(`:${cgroupParent}/kuasar_${pod.id}`),
          `${pid}`,
        );
      }
      const { stats } = await node.cri.runtime.podSandboxStats({ podSandboxId: pod.id });
      ok(
        (stats?.linux?.cpu?.usageCoreNanoSeconds?.value ?? 0n) > (vm ? 100_000_000n : 1_000_000n),
        "a boot takes some time",
      );
      const all = await node.cri.runtime.listPodSandboxStats({ filter: undefined });
      ok(all.stats.length >= 1);
      ok(
        (stats?.linux?.memory?.workingSetBytes?.value ?? 0n) > (vm ? 30_000_000n : 50_000n),
        "a guest takes some memory",
      );
      strictEqual(stats?.linux?.containers.length, 1);
      await pod.remove();
    } finally {
      await removeCgroup(parents);
    }
  },
);

e2eOurs("what a pod has used grows, also with processes that have ended", node, async (node) => {
  const pod = await node.runPod({ name: "used" });
  const image = await node.image("busybox");
  const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
  const controller = grpcClient(ControllerDefinition, `${node.runDir}/sandboxer.sock`, {
    metadata: { "containerd-namespace": "k8s.io" },
    timeoutMs: 20_000,
  });
  try {
    const used = async () => {
      const { metrics } = await controller.metrics({ sandboxId: pod.id, sandboxer: "" });
      const { cpu, memory } = Metrics.decode(metrics!.data!.value);
      return { cpuUs: cpu!.usageUsec, bytes: memory!.usage };
    };
    const before = await used();
    ok(before.bytes > 0n);
    for (let round = 0, last = before; round < 3; round++) {
      // Each of them has ended before it could be measured.
      await container.shell("i=0; while [ $i -lt 50 ]; do /bin/busybox true; i=$((i+1)); done");
      const now = await used();
      ok(now.cpuUs > last.cpuUs, `${now.cpuUs} us after ${last.cpuUs} us`);
      last = now;
    }
    await container.shell("dd if=/dev/zero of=/dev/shm/fill bs=1M count=20");
    const { bytes } = await used();
    // A guest may have had the memory already.
    if (!vm) ok(bytes > before.bytes + (16n << 20n), `${bytes} bytes after ${before.bytes}`);
  } finally {
    controller.close();
  }
  await pod.remove();
});

/** True for containerd and our services, whose arguments may name a pod too. */
function belongsToNode(node: Node, pid: number): boolean {
  return [...node.processes.values()].includes(pid);
}

/** Calls the sandboxer as containerd 2.3 and later does for CRI's UpdatePodSandboxResources; this one does not. */
async function resizePod(node: Node, podId: string, mib: number): Promise<void> {
  const controller = grpcClient(ControllerDefinition, `${node.runDir}/sandboxer.sock`, {
    metadata: { "containerd-namespace": "k8s.io" },
    timeoutMs: PATIENCE_MS,
  });
  try {
    const resources = { cpu_period: 100_000, cpu_quota: 100_000, memory_limit_in_bytes: mib * MIB };
    const value = new TextEncoder().encode(JSON.stringify({ Overhead: null, Resources: resources }));
    const resized = { typeUrl: "io.containerd.cri.v1/UpdatedResources", value };
    const sandbox = message(Sandbox, { sandboxId: podId, extensions: { "updated-resources": resized } });
    await controller.update({ sandboxId: podId, sandboxer: "", sandbox, fields: ["extensions"] });
  } finally {
    controller.close();
  }
}

/** Waits until a pod of its own sees less or more memory. */
async function untilMemory(container: Container, holds: (mib: number) => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const { stdout } = await container.shell("grep MemTotal /proc/meminfo");
    const mib = Number(/\d+/.exec(stdout)?.[0]) / 1024;
    if (holds(mib)) return;
    ok(Date.now() < end, `MemTotal is ${mib} MiB`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

e2eOurs("a pod is resized in place, or the kubelet hears why not", node, async (node) => {
  const resources = { memoryLimitBytes: 128 * MIB, cpuQuotaUs: 100_000 };
  const pod = await node.runPod({ name: "resize", resources });
  const image = await node.image("busybox");
  const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
  const folders = cgroupFolders(`/kuasar/kuasar_${pod.id}/gvisor`);
  const limit = () => {
    const names = folders.flatMap((folder) => [`${folder}/memory.limit_in_bytes`, `${folder}/memory.max`]);
    return Number(Deno.readTextFileSync(names.find(exists)!)) / MIB;
  };
  if (driver === "qemu") {
    await resizePod(node, pod.id, 640);
    // The guest has 64 MiB of its own on top of the pod's limit, and its kernel's part is in no total.
    await untilMemory(container, (mib) => mib > 600);
    await resizePod(node, pod.id, 256);
    await untilMemory(container, (mib) => mib < 330);
  } else if (driver === "gvisor") {
    const before = limit();
    await resizePod(node, pod.id, 640);
    strictEqual(limit(), before + 512);
    await resizePod(node, pod.id, 128);
    strictEqual(limit(), before);
  }
  // More than a host has; only a VM has a size of its own.
  if (vm) {
    await rejects(resizePod(node, pod.id, 1 << 24), (error) => {
      ok(["RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"].includes(asKuasarError(error).code), String(error));
      return true;
    });
  } else await resizePod(node, pod.id, 192);
  strictEqual((await container.shell("true")).exitCode, 0);
  await pod.remove();
});
