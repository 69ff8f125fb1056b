import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Linux, NAMESPACE_TYPES, type Spec } from "../../../lib/oci/mod.ts";
import { sandboxPaths } from "./paths.ts";
import type { SandboxRecord } from "./record.ts";
import { rewriteSpec } from "./spec.ts";

const paths = sandboxPaths("/run/k/driver-runc", "pod");

function record(change: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: "pod",
    state: "RUNNING",
    netnsPath: "/netns/pod",
    hostname: "pod",
    ownIpc: true,
    sharePid: false,
    cgroup: "/kuasar/kuasar_pod",
    madeCgroups: [],
    ...change,
  };
}

function rewrite(spec: Partial<Spec>, change: Partial<SandboxRecord> = {}, containerId = "c1"): Spec {
  return rewriteSpec({ ociVersion: "1.2.1", ...spec }, {
    sandbox: record(change),
    paths,
    containerId,
    rootfs: "/rootfs",
  });
}

/** What containerd writes for a container of a pod whose process is `pid`. */
function ofPod(pid: number, ...more: { type: "pid"; path?: string }[]): Linux {
  const join = (type: "network" | "ipc" | "uts", file: string) => ({ type, path: `/proc/${pid}/ns/${file}` });
  return {
    namespaces: [...more, join("ipc", "ipc"), join("uts", "uts"), { type: "mount" }, join("network", "net")],
  };
}

Deno.test("the pod's namespaces are joined where the sandbox keeps them, whatever process containerd names", () => {
  for (const pid of [0, 4711]) {
    deepStrictEqual(rewrite({ linux: ofPod(pid, { type: "pid" }) }).linux?.namespaces, [
      { type: "pid" },
      { type: "ipc", path: paths.ipc },
      { type: "uts", path: paths.uts },
      { type: "mount" },
      { type: "network", path: "/netns/pod" },
    ]);
  }
});

Deno.test("a shared PID namespace is joined only where the sandbox has one", () => {
  const linux = ofPod(0, { type: "pid", path: "/proc/0/ns/pid" });
  deepStrictEqual(rewrite({ linux }, { sharePid: true }).linux?.namespaces?.[0], {
    type: "pid",
    path: paths.pid,
  });
  throws(() => rewrite({ linux }), { code: "INVALID_ARGUMENT" });
});

Deno.test("the PID namespace of another container stays as it is named", () => {
  const linux = ofPod(0, { type: "pid", path: "/proc/99/ns/pid" });
  deepStrictEqual(rewrite({ linux }).linux?.namespaces?.[0], { type: "pid", path: "/proc/99/ns/pid" });
});

Deno.test("in a pod of the host's PID namespace no container has one of its own", () => {
  for (const path of ["/proc/0/ns/pid", "/proc/4711/ns/pid"]) {
    const linux = ofPod(Number(path.split("/")[2]), { type: "pid", path });
    deepStrictEqual(
      rewrite({ linux }, { hostPid: true }).linux?.namespaces?.filter(({ type }) => type === "pid"),
      [],
    );
  }
});

Deno.test("a pod on the host's network has the host's network and name", () => {
  const { namespaces } = rewrite({ linux: ofPod(0) }, { netnsPath: "" }).linux!;
  deepStrictEqual(namespaces?.map(({ type }) => type), ["ipc", "mount"]);
});

Deno.test("the cgroup is below the sandbox's, the root file system where it is mounted", () => {
  const spec = rewrite({ root: { path: "rootfs", readonly: true }, linux: { cgroupsPath: "/k8s.io/c1" } });
  strictEqual(spec.linux?.cgroupsPath, "/kuasar/kuasar_pod/c1");
  deepStrictEqual(spec.root, { path: "/rootfs", readonly: true });
  strictEqual(
    rewrite({ linux: { cgroupsPath: "/k8s.io/c1" } }, { cgroup: "" }).linux?.cgroupsPath,
    "/k8s.io/c1",
  );
});

Deno.test("the pod's files and shared memory are mounted where containerd has not done so", () => {
  const own = { destination: "/etc//hosts", type: "bind", source: "/h" };
  const { mounts } = rewrite({
    root: { path: "rootfs", readonly: true },
    mounts: [{ destination: "/dev/shm", type: "tmpfs", options: ["nosuid", "size=1"] }, own],
  });
  deepStrictEqual(mounts, [
    { destination: "/dev/shm", type: "bind", source: paths.shm, options: ["rbind", "rprivate", "nosuid"] },
    own,
    ...["hostname", "resolv.conf"].map((name) => ({
      destination: `/etc/${name}`,
      type: "bind",
      source: `${paths.files}/${name}`,
      options: ["rbind", "rprivate", "nosuid", "nodev", "noexec", "ro"],
    })),
  ]);
});

Deno.test("a task without a pod gets nothing of a pod's", () => {
  const mounts = [{ destination: "/dev/shm", type: "tmpfs" }];
  const spec = rewrite({ mounts, linux: { namespaces: [{ type: "uts" }, { type: "network" }] } }, {}, "pod");
  deepStrictEqual(spec.mounts, mounts);
  deepStrictEqual(spec.linux?.namespaces, [{ type: "uts" }, { type: "network", path: "/netns/pod" }]);
});

Deno.test("no namespace of the process that containerd names is left in any spec", () => {
  const namespace = fc.record({
    type: fc.constantFrom(
      ...NAMESPACE_TYPES.filter((type) =>
        type !== "mount" && type !== "cgroup" && type !== "time" && type !== "user"
      ),
    ),
    path: fc.constantFrom("/proc/0/ns/x", ""),
  });
  fc.assert(fc.property(fc.array(namespace), (namespaces) => {
    const { linux } = rewrite({ linux: { namespaces } }, { sharePid: true });
    strictEqual(linux?.namespaces?.some(({ path }) => path?.startsWith("/proc/")), false);
  }));
});
