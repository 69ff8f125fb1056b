import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { type Mount } from "../../../lib/oci/mod.ts";
import { applied, minimalSpec } from "./_fixture.ts";
import { devices } from "./devices.ts";
import { cgroupsPath, cpuset, hooks, hostLimits, labels, sysctls } from "./host_settings.ts";
import { cgroupMount, podFiles, shm, volumes } from "./mounts.ts";
import { namespaces } from "./namespaces.ts";
import { root } from "./root.ts";

const ALONE = [
  { type: "pid" },
  { type: "ipc", path: "/run/sandbox-ns/ipc" },
  { type: "uts", path: "/run/sandbox-ns/uts" },
  { type: "mount" },
  { type: "cgroup" },
];

Deno.test("namespaces: the pod's ipc and uts, own pid, no network", () => {
  deepStrictEqual(applied(namespaces).spec.linux?.namespaces, ALONE);
});

Deno.test("namespaces: a shared pid namespace is joined", () => {
  const list = applied(namespaces, {}, { sharePid: true }).spec.linux?.namespaces;
  deepStrictEqual(list?.[0], { type: "pid", path: "/run/sandbox-ns/pid" });
});

Deno.test("namespaces: another container's pid namespace is refused with its reason", () => {
  const linux = { namespaces: [{ type: "pid" as const, path: "/proc/4711/ns/pid" }] };
  throws(() => applied(namespaces, { linux }), { code: "UNIMPLEMENTED", message: /TARGET/ });
});

Deno.test("namespaces: a user namespace stays where it has mappings, without the host's path", () => {
  const user = { type: "user", path: "/proc/1/ns/user" } as const;
  const mapped = { namespaces: [user], uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }] };
  deepStrictEqual(applied(namespaces, { linux: mapped }).spec.linux?.namespaces, [...ALONE, {
    type: "user",
  }]);
  deepStrictEqual(applied(namespaces, { linux: { namespaces: [user] } }).spec.linux?.namespaces, ALONE);
});

Deno.test("namespaces: the hostname is the pod's, not the container's to set", () => {
  strictEqual("hostname" in applied(namespaces, { hostname: "x", domainname: "y" }).spec, false);
});

Deno.test("root: the path is relative to the guest's bundle, read-only stays", () => {
  const { spec } = applied(root, { root: { path: "/var/lib/x/rootfs", readonly: true } });
  deepStrictEqual(spec.root, { path: "rootfs", readonly: true });
  deepStrictEqual(applied(root, { root: undefined as never }).spec.root, { path: "rootfs" });
});

const bind = (options: string[], more: Partial<Mount> = {}): Mount => ({
  destination: "/data",
  type: "bind",
  source: "/host/data",
  options,
  ...more,
});

for (
  const [what, mount, want] of [
    ["keeps rbind and ro", bind(["rbind", "ro"]), ["rbind", "ro", "rprivate"]],
    ["makes propagation private", bind(["rbind", "rshared", "rw"]), ["rbind", "rw", "rprivate"]],
    ["adds rbind where only the type said so", bind(["ro"]), ["rbind", "ro", "rprivate"]],
    ["drops id mapping", bind(["bind", "idmap"]), ["bind", "rprivate"]],
    ["knows a bind by its options", bind(["bind"], { type: "none" }), ["bind", "rprivate"]],
  ] as const
) {
  Deno.test(`volumes: ${what}`, () => {
    const { spec } = applied(volumes, { mounts: [mount] }, { guestSources: new Map([[0, "/guest"]]) });
    deepStrictEqual(spec.mounts, [
      { destination: "/data", type: "bind", source: "/guest", options: [...want] },
    ]);
  });
}

Deno.test("volumes: the guest leaves a mode to the host that only the host knows", () => {
  const context = { guestSources: new Map([[0, "/guest"], [1, "/other"]]), modesOfHost: new Set([0]) };
  const { spec } = applied(volumes, { mounts: [bind(["rbind", "ro"]), bind(["rbind", "ro"])] }, context);
  deepStrictEqual(spec.mounts?.map(({ options }) => options), [["rbind", "rprivate"], [
    "rbind",
    "ro",
    "rprivate",
  ]]);
});

Deno.test("volumes: propagation that cannot leave the VM is noted, other mounts are left alone", () => {
  const context = { guestSources: new Map([[0, "/guest"]]) };
  const { spec, notes } = applied(volumes, { mounts: [bind(["rbind", "rshared"]), bind([])] }, context);
  match(notes![0]!, /\/data/);
  strictEqual(spec.mounts?.[1]?.source, "/host/data");
});

Deno.test("pod-files: added where containerd gave none, read-only with a read-only root", () => {
  const given = bind(["rbind"], { destination: "/etc/hosts/" });
  const { spec } = applied(podFiles, { mounts: [given], root: { path: "rootfs", readonly: true } });
  deepStrictEqual(spec.mounts?.map(({ destination }) => destination), [
    "/etc/hosts/",
    "/etc/hostname",
    "/etc/resolv.conf",
  ]);
  deepStrictEqual(spec.mounts?.[1], {
    destination: "/etc/hostname",
    type: "bind",
    source: "/run/kuasar/pod/hostname",
    options: ["bind", "rprivate", "ro"],
  });
});

Deno.test("shm: containerd's private tmpfs becomes the pod's, a volume there stays", () => {
  const at = (spec: { mounts?: Mount[] }) =>
    spec.mounts?.find(({ destination }) => destination === "/dev/shm");
  deepStrictEqual(at(applied(shm).spec), {
    destination: "/dev/shm",
    type: "bind",
    source: "/run/kuasar/pod/shm",
    options: ["rbind", "rprivate", "nosuid", "noexec", "nodev"],
  });
  const volume = bind(["rbind"], { destination: "/dev/shm" });
  deepStrictEqual(at(applied(shm, { mounts: [volume] }).spec), volume);
});

Deno.test("cgroup-mount: version 2, with the options it had", () => {
  deepStrictEqual(applied(cgroupMount).spec.mounts?.at(-1), {
    destination: "/sys/fs/cgroup",
    type: "cgroup2",
    source: "cgroup2",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  });
});

Deno.test("labels: AppArmor and SELinux go, the rest of the process stays", () => {
  const process = { cwd: "/", apparmorProfile: "a", selinuxLabel: "s", noNewPrivileges: true };
  const { spec } = applied(labels, { process, linux: { mountLabel: "m", maskedPaths: ["/proc/kcore"] } });
  deepStrictEqual(spec.process, { cwd: "/", noNewPrivileges: true });
  deepStrictEqual(spec.linux, { maskedPaths: ["/proc/kcore"] });
});

Deno.test("cpuset: numbers of CPUs and nodes go, shares and quota stay", () => {
  const cpu = { shares: 512, quota: 50000, period: 100000, cpus: "0-3", mems: "1" };
  const { spec } = applied(cpuset, { linux: { resources: { cpu } } });
  deepStrictEqual(spec.linux?.resources?.cpu, { shares: 512, quota: 50000, period: 100000 });
  deepStrictEqual(applied(cpuset).spec, minimalSpec());
});

Deno.test("cgroups-path: ours, also for a systemd slice", () => {
  const linux = { cgroupsPath: "kubepods-pod1.slice:cri-containerd:c1" };
  strictEqual(applied(cgroupsPath, { linux }).spec.linux?.cgroupsPath, "/kuasar/c1");
});

const sda = { path: "/dev/sda", type: "b", major: 8, minor: 0 };
const nul = { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 };

Deno.test("devices: a privileged container keeps what every Linux has", () => {
  const rules = [{ allow: true, access: "rwm" }, {
    allow: true,
    type: "b",
    major: 8,
    minor: 0,
    access: "rw",
  }];
  const { spec, notes } = applied(devices, { linux: { devices: [sda, nul], resources: { devices: rules } } });
  deepStrictEqual(spec.linux?.devices, [nul]);
  deepStrictEqual(spec.linux?.resources?.devices, [rules[0]]);
  match(notes![0]!, /1 devices/);
});

Deno.test("devices: one that was asked for by name is refused, naming it", () => {
  const rules = [{ allow: false, access: "rwm" }, {
    allow: true,
    type: "b",
    major: 8,
    minor: 0,
    access: "rwm",
  }];
  const linux = { devices: [nul, sda], resources: { devices: rules } };
  throws(() => applied(devices, { linux }), { code: "UNIMPLEMENTED", message: /\/dev\/sda \(b 8:0\)/ });
});

Deno.test("devices: rules for all devices and for common ones stay", () => {
  const rules = [
    { allow: false, access: "rwm" },
    { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    { allow: true, type: "c", major: 136, minor: -1, access: "rwm" },
    { allow: true, type: "c", major: 195, access: "rwm" },
  ];
  const { spec } = applied(devices, { linux: { resources: { devices: rules } } });
  deepStrictEqual(spec.linux?.resources?.devices, rules.slice(0, 3));
});

Deno.test("host-limits: what names the host's hardware goes", () => {
  const resources = {
    memory: { limit: 1 << 20 },
    network: { classID: 1 },
    rdma: {},
    hugepageLimits: [{ pageSize: "1GB", limit: 0 }],
    blockIO: { weight: 100, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
  };
  const { spec } = applied(hostLimits, { linux: { intelRdt: { closID: "x" }, resources } });
  deepStrictEqual(spec.linux, { resources: { memory: { limit: 1 << 20 }, blockIO: { weight: 100 } } });
});

Deno.test("hooks: dropped with a note, none without", () => {
  const { spec, notes } = applied(hooks, { hooks: { prestart: [{ path: "/bin/x" }] } });
  strictEqual("hooks" in spec, false);
  match(notes![0]!, /prestart/);
  strictEqual(applied(hooks).notes, undefined);
  const all = { prestart: [], createRuntime: [], createContainer: [], poststop: [] };
  deepStrictEqual(applied(hooks, { hooks: all }, { ownSandbox: true }).notes, [
    "hooks are not run in a VM: dropped createContainer",
  ]);
});

Deno.test("sysctls: a container's own sandbox has them, in a pod they are left to be refused", () => {
  const linux = { sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" } };
  strictEqual(applied(sysctls, { linux }, { ownSandbox: true }).spec.linux?.sysctl, undefined);
  deepStrictEqual(applied(sysctls, { linux }).spec.linux?.sysctl, linux.sysctl);
});
