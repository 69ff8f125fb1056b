import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import { type MountEntry } from "../../lib/mounts/mod.ts";
import { type Mount } from "../../lib/oci/mod.ts";
import { type Mount as RootfsRequest } from "../../lib/proto/gen/containerd/types/types.ts";
import { type HostFacts, type PathFacts } from "./host_facts.ts";
import { type ContainerPlan, diskSerial, emptyPlan } from "./plan.ts";
import { planRootfs } from "./rootfs.ts";
import { planVolumes } from "./volumes.ts";

const EMPTY_DIR = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/cache";

/** A host with these paths; everything lies on ext4 but for what `mounts` says. */
function host(
  paths: Record<string, Partial<PathFacts>>,
  mounts: Record<string, Partial<MountEntry>> = {},
  links: Record<string, string> = {},
): HostFacts {
  return {
    stat(path) {
      const found = paths[path];
      if (!found) {
        throw new KuasarError("FAILED_PRECONDITION", `Cannot use ${path}: it does not exist on the host`);
      }
      return { kind: "directory", mode: 0o755, uid: 0, gid: 0, ...found };
    },
    realPath: (path) => links[path] ?? path,
    hasMountsBelow: (path) => path === "/nested",
    mountOf: (path) =>
      ({ fsType: "ext4", mountPoint: "/", superOptions: [], ...mounts[path] }) as unknown as MountEntry,
    filesystemOf: () => "xfs",
  };
}

function volumesOf(mounts: Partial<Mount>[], facts: HostFacts): ContainerPlan {
  const plan = emptyPlan();
  const full = mounts.map((mount) => ({ destination: "/data", type: "bind", options: ["rbind"], ...mount }));
  planVolumes(full, facts, { containerId: "c1", storageDir: "/run/kuasar/storage" }, plan);
  return plan;
}

Deno.test("a directory and a file are bound into the share", () => {
  const facts = host({ "/d": {}, "/f": { kind: "file" } });
  const plan = volumesOf([{ source: "/d", options: ["rbind", "ro"] }, {
    source: "/f",
    options: ["bind", "rro"],
  }], facts);
  deepStrictEqual(plan.volumes, [
    {
      source: "/d",
      index: 0,
      isDirectory: true,
      recursive: true,
      readOnly: true,
      recursiveReadOnly: false,
      propagation: "private",
    },
    {
      source: "/f",
      index: 1,
      isDirectory: false,
      recursive: false,
      readOnly: false,
      recursiveReadOnly: true,
      propagation: "private",
    },
  ]);
  strictEqual(plan.guestSources.get(1), "/run/kuasar/state/c1/volumes/1");
  strictEqual(plan.modesOfHost.size, 0);
});

Deno.test("a volume follows later mounts of the host where it is asked to", () => {
  const mounts = ["rprivate", "rslave", "shared"].map((option) => ({
    source: "/d",
    options: ["rbind", option],
  }));
  const found = volumesOf(mounts, host({ "/d": {} })).volumes.map(({ propagation }) => propagation);
  deepStrictEqual(found, ["private", "slave", "slave"]);
});

Deno.test("a read-only directory with writable mounts below is left to the host", () => {
  const sources = [["rbind", "ro"], ["rbind", "rw"], ["bind", "ro"], ["rbind", "rro"]];
  const mounts = sources.map((options) => ({ source: "/nested", options }));
  deepStrictEqual([...volumesOf(mounts, host({ "/nested": {} })).modesOfHost], [0]);
});

Deno.test("a link of the host is followed before anything is decided", () => {
  const plan = volumesOf([{ source: "/link" }], host({ "/d": {} }, {}, { "/link": "/d" }));
  strictEqual(plan.volumes[0]?.source, "/d");
});

Deno.test("mounts that are no binds need no source", () => {
  const plan = volumesOf([{ type: "proc", source: "proc", options: [] }], host({}));
  deepStrictEqual(plan, emptyPlan());
});

Deno.test("a tmpfs emptyDir becomes a tmpfs of the pod in the guest, with size, mode and owner", () => {
  const facts = host({ [EMPTY_DIR]: { mode: 0o2777, gid: 1000 } }, {
    [EMPTY_DIR]: { fsType: "tmpfs", mountPoint: EMPTY_DIR, superOptions: ["rw", "size=1024k"] },
  });
  const plan = volumesOf([{ source: EMPTY_DIR }, { source: EMPTY_DIR, destination: "/again" }], facts);
  strictEqual(plan.volumes.length, 0);
  strictEqual(plan.guestMounts.length, 1);
  const [{ type, target, options, podScoped }] = plan.guestMounts as [ContainerPlan["guestMounts"][0]];
  deepStrictEqual([type, podScoped], ["tmpfs", true]);
  deepStrictEqual(options, ["size=1024k", "mode=2777", "uid=0", "gid=1000"]);
  match(target, /^\/run\/kuasar\/pod\/volumes\/[0-9a-f]{32}$/);
  deepStrictEqual([...plan.guestSources.values()], [target, target]);
});

Deno.test("an emptyDir on disk, and a part of one in memory, are shared", () => {
  const part = `${EMPTY_DIR}/sub`;
  const facts = host({ [EMPTY_DIR]: {}, [part]: {} }, { [part]: { fsType: "tmpfs", mountPoint: EMPTY_DIR } });
  strictEqual(volumesOf([{ source: EMPTY_DIR }, { source: part }], facts).volumes.length, 2);
});

Deno.test("/dev/shm is the pod's, once, with the size that containerd wrote", () => {
  const own = { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "size=128k"] };
  const plan = volumesOf([own, { source: "/dev/shm" }, { source: "/run/x/sandboxes/p1/shm" }], host({}));
  deepStrictEqual(plan.guestMounts, [{
    type: "tmpfs",
    source: "shm",
    target: "/run/kuasar/pod/shm",
    options: ["nosuid", "nodev", "noexec", "mode=1777", "size=128k"],
    podScoped: true,
  }]);
  deepStrictEqual([...plan.guestSources], [[1, "/run/kuasar/pod/shm"], [2, "/run/kuasar/pod/shm"]]);
});

Deno.test("below /proc, /sys and /dev the guest's own is meant", () => {
  const plan = volumesOf(
    [{ source: "/sys/fs/bpf" }, { source: "/dev" }],
    host({ "/sys/fs/bpf": {}, "/dev": {} }),
  );
  deepStrictEqual([...plan.guestSources.values()], ["/sys/fs/bpf", "/dev"]);
  strictEqual(plan.notes.length, 2);
});

Deno.test("a block device is plugged in and mounted by the guest", () => {
  const plan = volumesOf(
    [{ source: "/dev/vdb", options: ["rbind", "ro"] }],
    host({ "/dev/vdb": { kind: "block" } }),
  );
  const serial = diskSerial("c1", "volume-0");
  ok(serial.length <= 20);
  deepStrictEqual(plan.blockDevices, [{ hostPath: "/dev/vdb", serial, readOnly: true }]);
  deepStrictEqual(plan.guestMounts, [{
    type: "xfs",
    source: `serial:${serial}`,
    target: "/run/kuasar/state/c1/volumes/0",
    options: ["ro"],
    podScoped: false,
  }]);
  deepStrictEqual(plan.mountPoints, [0]);
});

for (
  const [what, source, facts, error] of [
    ["a socket", "/s", host({ "/s": { kind: "socket" } }), { code: "UNIMPLEMENTED", message: /socket/ }],
    ["what does not exist", "/none", host({}), { code: "FAILED_PRECONDITION", message: /does not exist/ }],
    ["a relative source", "d", host({}), { code: "INVALID_ARGUMENT", message: /absolute path, is "d"/ }],
    ["no source", undefined, host({}), { code: "INVALID_ARGUMENT", message: /absolute path, is ""/ }],
    ["another pod's share", "/run/kuasar/storage/p2/shared", host({}), { code: "PERMISSION_DENIED" }],
    ["a link into it", "/l", host({}, {}, { "/l": "/run/kuasar/storage" }), { code: "PERMISSION_DENIED" }],
    ["huge pages", "/h", host({ "/h": {} }, { "/h": { fsType: "hugetlbfs" } }), { code: "UNIMPLEMENTED" }],
  ] as const
) {
  Deno.test(`a volume from ${what} is refused`, () => {
    throws(() => volumesOf([{ ...(source === undefined ? {} : { source }) }], facts), error);
  });
}

function rootfsOf(mounts: Partial<RootfsRequest>[], facts = host({})): ContainerPlan {
  const plan = emptyPlan();
  const full = mounts.map((mount) => ({
    type: "overlay",
    source: "overlay",
    target: "",
    options: [],
    ...mount,
  }));
  planRootfs(full, "/bundle/rootfs", facts, "c1", plan);
  return plan;
}

Deno.test("overlay and bind are mounted on the host, options for containerd's own handlers dropped", () => {
  const plan = rootfsOf([
    { options: ["lowerdir=/a:/b", "X-containerd.x=1"] },
    { type: "bind", source: "/v", target: "/usr/share", options: ["rbind", "ro"] },
  ]);
  deepStrictEqual(plan.rootfs, [
    { kind: "overlay", target: "", readOnly: false, options: ["lowerdir=/a:/b"] },
    { kind: "bind", target: "/usr/share", readOnly: true, recursive: true, source: "/v" },
  ]);
});

Deno.test("without mounts the bundle's own rootfs is bound", () => {
  const plan = rootfsOf([], host({ "/bundle/rootfs": {} }));
  deepStrictEqual(plan.rootfs, [
    { kind: "bind", target: "", readOnly: false, recursive: true, source: "/bundle/rootfs" },
  ]);
  throws(() => rootfsOf([]), { code: "FAILED_PRECONDITION" });
});

Deno.test("a disk, or an image as one, is plugged in; the guest mounts it as the rootfs", () => {
  const facts = host({ "/dev/mapper/s1": { kind: "block" }, "/l.erofs": { kind: "file" } });
  const disk = rootfsOf([{ type: "ext4", source: "/dev/mapper/s1", options: ["discard"] }], facts);
  strictEqual(disk.blockDevices[0]?.readOnly, false);
  deepStrictEqual(disk.guestMounts[0]?.target, "/run/kuasar/state/c1/rootfs");
  const image = rootfsOf([{ type: "erofs", source: "/l.erofs", options: ["ro", "loop"] }], facts);
  strictEqual(image.blockDevices[0]?.readOnly, true);
  deepStrictEqual(image.guestMounts[0]?.options, ["ro"]);
});

for (
  const [what, mounts, error] of [
    ["an unknown type", [{ type: "zfs" }], {
      code: "UNIMPLEMENTED",
      message: /"zfs" is none of overlay, bind, ext2/,
    }],
    ["id mapping", [{ options: ["uidmap=0:1:1"] }], { code: "UNIMPLEMENTED", message: /id-mapped/ }],
    ["a disk among others", [{ type: "ext4" }, {}], {
      code: "UNIMPLEMENTED",
      message: /must be the only one/,
    }],
    ["a disk that is a directory", [{ type: "ext4", source: "/d" }], { code: "INVALID_ARGUMENT" }],
    ["a target outside", [{ target: "../x" }], { code: "INVALID_ARGUMENT", message: /leaves it/ }],
    ["a relative source", [{ type: "bind", source: "x" }], { code: "INVALID_ARGUMENT" }],
    ["too many mounts", Array(65).fill({}), { code: "INVALID_ARGUMENT", message: /at most 64/ }],
  ] as const
) {
  Deno.test(`a rootfs with ${what} is refused`, () => {
    throws(() => rootfsOf([...mounts], host({ "/d": {} })), error);
  });
}
