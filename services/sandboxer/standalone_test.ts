import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { Spec } from "../../lib/oci/mod.ts";
import { runtimeHandlerOf } from "./standalone.ts";
import { joinsPid, parentCgroupOf, standaloneSandbox as derive } from "./standalone_spec.ts";
import { Fixture } from "./testing/fixture.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

const SPEC: Spec = { ociVersion: "1.2.0", hostname: "box", linux: { namespaces: [{ type: "mount" }] } };

const standaloneSandbox = (id: string, spec: Spec) => derive(id, spec, () => false);

async function writeBundle(fixture: Fixture, spec: Spec): Promise<string> {
  const bundle = await Deno.makeTempDir({ dir: fixture.runDir });
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(spec));
  return bundle;
}

Deno.test("a task's spec tells name, size and network of its sandbox", () => {
  const { pod, network } = standaloneSandbox("c1", {
    ...SPEC,
    linux: {
      namespaces: [{ type: "network" }, { type: "pid" }],
      resources: { memory: { limit: 256 << 20 }, cpu: { quota: 150_000, period: 100_000 } },
    },
  });
  deepStrictEqual(network, { kind: "own" });
  strictEqual(pod.metadata?.name, "c1");
  strictEqual(pod.hostname, "box");
  strictEqual(pod.linux?.resources?.memoryLimitInBytes, 256n << 20n);
  strictEqual(pod.linux?.resources?.cpuQuota, 150_000n);
  deepStrictEqual(standaloneSandbox("c1", SPEC).network, { kind: "host" });
});

Deno.test("a task's cgroup is below its pod's where there is one", () => {
  const parent = (cgroupsPath?: string) =>
    parentCgroupOf({ ...SPEC, linux: { ...SPEC.linux, cgroupsPath } } as Spec);
  strictEqual(parent("/kubepods/besteffort/pod1/c1"), "/kubepods/besteffort/pod1");
  strictEqual(parent("kubepods-besteffort-pod1.slice:cri-containerd:c1"), "kubepods-besteffort-pod1.slice");
  strictEqual(parent("/c1"), "");
  strictEqual(parent("c1"), "");
  strictEqual(parent(), "");
  const spec = { ...SPEC, linux: { ...SPEC.linux, cgroupsPath: "/pod1/c1" } };
  strictEqual(derive("c1", spec, (name) => name === "/pod1").pod.linux?.cgroupParent, "/pod1");
  strictEqual(derive("c1", spec, () => false).pod.linux?.cgroupParent, "");
});

Deno.test("a pause container's annotations tell of its pod", () => {
  const { pod, network } = standaloneSandbox("s1", {
    ...SPEC,
    annotations: {
      "io.kubernetes.cri.container-type": "sandbox",
      "io.kubernetes.cri.sandbox-name": "web",
      "io.kubernetes.cri.sandbox-namespace": "shop",
      "io.kubernetes.cri.sandbox-uid": "u-1",
      "io.kubernetes.cri.sandbox-memory": "1048576",
      "io.kubernetes.cri.sandbox-cpu-quota": "no number",
    },
    linux: { namespaces: [{ type: "network", path: "/var/run/netns/cni-1" }] },
  });
  deepStrictEqual(network, { kind: "join", path: "/var/run/netns/cni-1" });
  deepStrictEqual(pod.metadata, { name: "web", namespace: "shop", uid: "u-1", attempt: 0 });
  strictEqual(pod.linux?.resources?.memoryLimitInBytes, 1_048_576n);
  strictEqual(pod.linux?.resources?.cpuQuota, 0n);
});

Deno.test("a PID namespace is shared where there is one to join", () => {
  const pid = (path?: string): Spec => ({
    ...SPEC,
    linux: { namespaces: [path ? { type: "pid", path } : { type: "pid" }] },
  });
  strictEqual(joinsPid(pid("/proc/7/ns/pid")), true);
  strictEqual(joinsPid(pid()), false);
});

Deno.test("the runtime's name names the handler", () => {
  strictEqual(runtimeHandlerOf("io.containerd.kuasar-vmm.v2"), "kuasar-vmm");
  for (const bad of ["", "kuasar-vmm", "io.containerd.kuasar vmm.v2", "/usr/bin/x"]) {
    try {
      runtimeHandlerOf(bad);
    } catch (error) {
      strictEqual((error as { code: string }).code, "INVALID_ARGUMENT");
      continue;
    }
    throw new Error(`${bad} was taken`);
  }
});

Deno.test("a sandbox of a task's own is made once and goes with its task", async () => {
  await Fixture.run(async (fixture) => {
    const { world } = fixture;
    const bundle = await writeBundle(fixture, SPEC);
    const request = { sandboxId: "c1", runtime: "io.containerd.kuasar-vmm.v2", bundle };
    await fixture.withPrepare(async (prepare) => {
      const first = await prepare.createStandalone(request);
      deepStrictEqual(await prepare.createStandalone(request), first);
      const answer = await prepare.prepareContainer({
        sandboxId: "c1",
        containerId: "c1",
        bundle,
        rootfs: [],
      });
      strictEqual(answer.sandboxPid, first.sandboxPid);
      for (let times = 0; times < 2; times++) {
        await prepare.releaseContainer({ sandboxId: "c1", containerId: "c1" });
        deepStrictEqual(world.leftovers(), []);
      }
      strictEqual((await fixture.admin.list({})).sandboxes.length, 0);
    });
  });
});

Deno.test("a sandbox whose VM has crashed goes with its task, too", async () => {
  await Fixture.run(async (fixture) => {
    const bundle = await writeBundle(fixture, SPEC);
    await fixture.withPrepare(async (prepare) => {
      await prepare.createStandalone({ sandboxId: "c1", runtime: "io.containerd.kuasar-vmm.v2", bundle });
      fixture.world.crash("c1");
      await fixture.until("c1", "stopped");
      await prepare.releaseContainer({ sandboxId: "c1", containerId: "c1" });
      deepStrictEqual(fixture.world.leftovers(), []);
      strictEqual((await fixture.admin.list({})).sandboxes.length, 0);
    });
  });
});

Deno.test("other containers' ends leave a pod of its own alone, and pods of the Sandbox API are not taken", async () => {
  await Fixture.run(async (fixture) => {
    const bundle = await writeBundle(fixture, SPEC);
    const runtime = "io.containerd.kuasar-vmm.v2";
    await fixture.runPod("s1");
    await fixture.withPrepare(async (prepare) => {
      await rejects(
        prepare.createStandalone({ sandboxId: "s1", runtime, bundle }),
        code("ALREADY_EXISTS"),
      );
      await prepare.releaseContainer({ sandboxId: "s1", containerId: "s1" });
      strictEqual(await fixture.state("s1"), "ready");
      await prepare.createStandalone({ sandboxId: "c1", runtime, bundle });
      await prepare.prepareContainer({ sandboxId: "c1", containerId: "c2", bundle, rootfs: [] });
      await prepare.releaseContainer({ sandboxId: "c1", containerId: "c2" });
      strictEqual(await fixture.state("c1"), "ready");
      await rejects(
        prepare.createStandalone({ sandboxId: "c3", runtime: "io.containerd.runc.v2", bundle: "relative" }),
        code("INVALID_ARGUMENT"),
      );
    });
  });
});
