import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { sandboxRecord } from "../contract/testing/sandbox_record.ts";
import { joinedSpec } from "./container_spec.ts";
import { POD_PID_PATH } from "./root_spec.ts";

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
    { sandbox: sandboxRecord(), containerId: "c1", others: ["c2"], shm: "/s/shm", limits: "memory:1 cpu" },
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
    namespaces: [{ type: "pid", path: "/kuasar/c2/pid" }, { type: "ipc" }, { type: "uts" }, {
      type: "mount",
    }],
  });
  deepStrictEqual(spec.mounts?.map(({ type, source }) => `${type} ${source}`), [
    "tmpfs /s/shm",
    "bind /host/data",
  ]);
});

Deno.test("hooks of a container that the sandbox was made for have been run before, others are runsc's", () => {
  const [prestart, poststart] = [[{ path: "/a" }], [{ path: "/b" }]];
  const sandbox = sandboxRecord();
  const hooks = (containerId: string, hooks: unknown) =>
    joinedSpec({ ociVersion: "1.1.0", hooks }, {}, { sandbox, containerId, others: [], shm: "", limits: "" })
      .hooks;
  deepStrictEqual(hooks("c1", { prestart, poststart }), { prestart, poststart });
  deepStrictEqual(hooks(sandbox.id, { prestart, poststart }), { poststart });
  strictEqual(hooks(sandbox.id, { prestart }), undefined);
});

Deno.test("who joins the pod's PID namespace names the same as the first container", () => {
  const shared = sandboxRecord({ sharePid: true });
  const before = { linux: { namespaces: [{ type: "pid" as const, path: "/proc/0/ns/pid" }] } };
  const joined = joinedSpec({ ociVersion: "1.1.0" }, before, {
    sandbox: shared,
    containerId: "c1",
    others: [],
    shm: "/s/shm",
    limits: "",
  });
  const own = joinedSpec({ ociVersion: "1.1.0" }, { linux: {} }, {
    sandbox: shared,
    containerId: "c1",
    others: [],
    shm: "/s/shm",
    limits: "",
  });
  strictEqual(joined.linux?.namespaces?.[0]?.path, POD_PID_PATH);
  strictEqual(own.linux?.namespaces?.[0]?.path, "/kuasar/c1/pid");
});

Deno.test("who joins another container's PID namespace names the same as that one, where it can be but one", () => {
  const sandbox = sandboxRecord();
  const pathOf = (containerId: string, others: string[], path?: string) => {
    const before = {
      linux: { namespaces: [{ type: "pid" as const, ...path === undefined ? {} : { path } }] },
    };
    const context = { sandbox, containerId, others, shm: "/s/shm", limits: "" };
    return joinedSpec({ ociVersion: "1.1.0" }, before, context).linux?.namespaces?.[0]?.path;
  };
  strictEqual(pathOf("debugger", ["c1"], "/proc/7/ns/pid"), pathOf("c1", []));
  for (const others of [[], ["c1", "c2"]]) {
    throws(() => pathOf("debugger", others, "/proc/7/ns/pid"), { code: "FAILED_PRECONDITION" });
  }
});
