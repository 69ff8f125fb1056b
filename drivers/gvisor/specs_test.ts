import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import { stringifySpec } from "../../lib/oci/mod.ts";
import {
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  PodSandboxConfig,
} from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { podResources } from "../contract/host/pod_resources.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { joinedSpec } from "./container_spec.ts";
import { followedLimits, rootSpec } from "./root_spec.ts";
import { sysctlWrites } from "./sysctls.ts";

const SANDBOX: SandboxRecord = {
  id: "s1",
  state: "STARTING",
  netnsPath: "/var/run/netns/p",
  hostname: "web",
  ownIpc: true,
  sharePid: false,
  cgroup: "/kuasar/kuasar_s1",
  madeCgroups: [],
};
const MIB = 1n << 20n;

function pod(resources: Partial<LinuxContainerResources>, overhead: Partial<LinuxContainerResources> = {}) {
  return message(PodSandboxConfig, {
    linux: message(LinuxPodSandboxConfig, {
      resources: message(LinuxContainerResources, resources),
      overhead: message(LinuxContainerResources, overhead),
    }),
  });
}

function root(sandbox: Partial<SandboxRecord> = {}, cgroup = "/kuasar/kuasar_s1/gvisor") {
  const record = { ...SANDBOX, ...sandbox };
  const pauseProgram = "/usr/local/lib/kuasar/agent";
  const config = pod({ memoryLimitInBytes: 100n * MIB });
  return rootSpec({
    sandbox: record,
    pod: config,
    pauseProgram,
    shm: "/s/shm",
    cgroup,
    overheadBytes: 64n * MIB,
  });
}

Deno.test("a sandbox's first container is our agent, in the pod's network and cgroup", () => {
  const spec = root();
  deepStrictEqual(spec.process?.args, ["/agent", "kuasar-pause"]);
  deepStrictEqual(spec.root, { path: "/usr/local/lib/kuasar", readonly: true });
  strictEqual(spec.hostname, "web");
  strictEqual(spec.annotations?.["io.kubernetes.cri.container-type"], "sandbox");
  strictEqual(spec.annotations?.["dev.gvisor.spec.mount.shm.source"], "/s/shm");
  deepStrictEqual(spec.linux?.namespaces?.find(({ type }) => type === "network")?.path, "/var/run/netns/p");
  strictEqual(spec.linux?.cgroupsPath, "/kuasar/kuasar_s1/gvisor");
  ok(stringifySpec(spec).includes(`"limit":${164n * MIB}`));
});

Deno.test("a pod on the host's network joins none, and without cgroups there are no limits", () => {
  const spec = root({ netnsPath: "" }, "");
  ok(!spec.linux?.namespaces?.some(({ type }) => type === "network"));
  deepStrictEqual([spec.linux?.cgroupsPath, spec.linux?.resources], [undefined, undefined]);
});

Deno.test("limits are the pod's with its overhead, or with ours where nobody has thought of one", () => {
  const own = 64n * MIB;
  deepStrictEqual(podResources(pod({}), own), { cpu: {} });
  deepStrictEqual(podResources(pod({}, { memoryLimitInBytes: MIB, cpuQuota: 1000n }), own), { cpu: {} });
  deepStrictEqual(
    podResources(
      pod({ memoryLimitInBytes: 10n * MIB, cpuQuota: 50_000n, cpuPeriod: 100_000n, cpuShares: 512n }, {
        memoryLimitInBytes: 20n * MIB,
        cpuQuota: 10_000n,
      }),
      own,
    ),
    { memory: { limit: 30n * MIB }, cpu: { shares: 512, quota: 60_000, period: 100_000 } },
  );
});

Deno.test("limits that nobody has reckoned for the pod follow its containers'", () => {
  strictEqual(followedLimits(pod({}), 5n), "memory:5 cpu");
  strictEqual(followedLimits(pod({ memoryLimitInBytes: 1n, cpuQuota: 1n }), 5n), "");
});

Deno.test("a container joins the sandbox by annotation, and brings no cgroup and no settings of gVisor's", () => {
  const spec = joinedSpec(
    {
      ociVersion: "1.1.0",
      annotations: {
        a: "b",
        "dev.gvisor.flag.network": "host",
        "io.kubernetes.cri.container-type": "sandbox",
      },
      mounts: [
        { destination: "/dev/shm", type: "tmpfs", source: "shm" },
        { destination: "/data", type: "bind", source: "/host/data" },
      ],
      linux: {
        cgroupsPath: "/x",
        resources: { memory: { limit: 1 }, devices: [{ allow: false }] },
        namespaces: [{ type: "network", path: "/proc/1/ns/net" }, { type: "user" }],
        maskedPaths: ["/proc/kcore"],
      },
    },
    { linux: { namespaces: [{ type: "pid", path: "/proc/7/ns/pid" }] } },
    { sandbox: SANDBOX, containerId: "c1", shm: "/s/shm", limits: "memory:1 cpu" },
  );
  deepStrictEqual(spec.annotations, {
    a: "b",
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-id": "+s1+",
    "io.kuasar.gvisor.limits": "memory:1 cpu",
  });
  deepStrictEqual(spec.linux, {
    maskedPaths: ["/proc/kcore"],
    resources: { memory: { limit: 1 } },
    namespaces: [{ type: "pid" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }],
  });
  deepStrictEqual(spec.mounts?.map(({ type, source }) => `${type} ${source}`), [
    "tmpfs /s/shm",
    "bind /host/data",
  ]);
});

Deno.test("hooks of a container that the sandbox was made for have been run before, others are runsc's", () => {
  const [prestart, poststart] = [[{ path: "/a" }], [{ path: "/b" }]];
  const hooks = (containerId: string, hooks: unknown) =>
    joinedSpec({ ociVersion: "1.1.0", hooks }, {}, { sandbox: SANDBOX, containerId, shm: "", limits: "" })
      .hooks;
  deepStrictEqual(hooks("c1", { prestart, poststart }), { prestart, poststart });
  deepStrictEqual(hooks(SANDBOX.id, { prestart, poststart }), { poststart });
  strictEqual(hooks(SANDBOX.id, { prestart }), undefined);
});

Deno.test("who joins the pod's PID namespace names the same as the first container", () => {
  const shared = { ...SANDBOX, sharePid: true };
  const before = { linux: { namespaces: [{ type: "pid" as const, path: "/proc/0/ns/pid" }] } };
  const joined = joinedSpec({ ociVersion: "1.1.0" }, before, {
    sandbox: shared,
    containerId: "c1",
    shm: "/s/shm",
    limits: "",
  });
  const own = joinedSpec({ ociVersion: "1.1.0" }, { linux: {} }, {
    sandbox: shared,
    containerId: "c1",
    shm: "/s/shm",
    limits: "",
  });
  strictEqual(joined.linux?.namespaces?.[0]?.path, root({ sharePid: true }).linux?.namespaces?.[0]?.path);
  strictEqual(own.linux?.namespaces?.[0]?.path, undefined);
});

Deno.test("sysctls become files of the sandbox, and nothing else does", () => {
  deepStrictEqual(sysctlWrites({ "net.ipv4.ip_local_port_range": "1024 65535" }), [
    "/proc/sys/net/ipv4/ip_local_port_range",
    "1024 65535",
  ]);
  for (const name of ["net.../../x", "../x", "vm.overcommit_memory", "net.a b"]) {
    throws(() => sysctlWrites({ [name]: "1" }), { code: "INVALID_ARGUMENT" }, name);
  }
  throws(() => sysctlWrites({ "net.core.somaxconn": "1\n2" }), { code: "INVALID_ARGUMENT" });
});
