import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { stringifySpec } from "../../lib/oci/mod.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { podWithResources } from "../contract/testing/pod_with_resources.ts";
import { sandboxRecord } from "../contract/testing/sandbox_record.ts";
import { followedLimits, POD_PID_PATH, rootSpec } from "./root_spec.ts";

const MIB = 1n << 20n;

function root(sandbox: Partial<SandboxRecord> = {}, cgroup = "/kuasar/kuasar_s1/gvisor") {
  const record = sandboxRecord({ cgroup: "/kuasar/kuasar_s1", ...sandbox });
  const pauseProgram = "/usr/local/lib/kuasar/agent";
  const config = podWithResources({ memoryLimitInBytes: 100n * MIB });
  return rootSpec({
    sandbox: record,
    pod: config,
    pauseProgram,
    shm: "/s/shm",
    cgroup,
    overheadBytes: 64n * MIB,
    hints: [{ name: "v", source: "/v", type: "tmpfs", share: "pod", options: "" }],
  });
}

Deno.test("a sandbox's first container is our agent, in the pod's network and cgroup", () => {
  const spec = root();
  deepStrictEqual(spec.process?.args, ["/agent", "kuasar-pause"]);
  deepStrictEqual(spec.root, { path: "/usr/local/lib/kuasar", readonly: true });
  strictEqual(spec.hostname, "web");
  strictEqual(spec.annotations?.["io.kubernetes.cri.container-type"], "sandbox");
  strictEqual(spec.annotations?.["dev.gvisor.spec.mount.shm.source"], "/s/shm");
  strictEqual(spec.annotations?.["dev.gvisor.spec.mount.v.source"], "/v");
  deepStrictEqual(spec.linux?.namespaces?.find(({ type }) => type === "network")?.path, "/var/run/netns/p");
  strictEqual(spec.linux?.cgroupsPath, "/kuasar/kuasar_s1/gvisor");
  ok(stringifySpec(spec).includes(`"limit":${164n * MIB}`));
});

Deno.test("a pod on the host's network joins none, and without cgroups there are no limits", () => {
  const spec = root({ netnsPath: "" }, "");
  ok(!spec.linux?.namespaces?.some(({ type }) => type === "network"));
  deepStrictEqual([spec.linux?.cgroupsPath, spec.linux?.resources], [undefined, undefined]);
});

Deno.test("limits that nobody has reckoned for the pod follow its containers'", () => {
  strictEqual(followedLimits(podWithResources({}), 5n), "memory:5 cpu");
  strictEqual(followedLimits(podWithResources({ memoryLimitInBytes: 1n, cpuQuota: 1n }), 5n), "");
});

Deno.test("a PID namespace that the pod shares has a name that its containers can join", () => {
  strictEqual(root({ sharePid: true }).linux?.namespaces?.[0]?.path, POD_PID_PATH);
  strictEqual(root().linux?.namespaces?.[0]?.path, undefined);
});
