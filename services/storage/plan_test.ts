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
    exists: (path) => path in paths,
    isSame: (one, other) => one === other,
    realPath: (path) => links[path] ?? path,
    hasMountsBelow: (path) => path === "/nested",
    mountOf: (path) =>
      ({
        fsType: "ext4",
        device: "8:1",
        root: "/",
        mountPoint: "/",
        superOptions: [],
        ...mounts[path],
      }) as unknown as MountEntry,
    filesystemOf: () => "xfs",
  };
}

function volumesOf(
  mounts: Partial<Mount>[],
  facts: HostFacts,
  attachments: ContainerPlan["attachments"] = [],
): ContainerPlan {
  const plan = emptyPlan();
  const full = mounts.map((mount) => ({ destination: "/data", type: "bind", options: ["rbind"], ...mount }));
  const target = { containerId: "c1", storageDir: "/run/kuasar/storage", pod: { attachments, shared: "" } };
  planVolumes(full, facts, target, plan);
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
      place: ".volumes/c1.0",
      isDirectory: true,
      recursive: true,
      mode: "ro",
      propagation: "private",
    },
    {
      source: "/f",
      place: ".volumes/c1.1",
      isDirectory: false,
      recursive: false,
      mode: "rro",
      propagation: "private",
    },
  ]);
  const bind = { type: "bind", subPath: "", options: [], podScoped: false };
  deepStrictEqual(plan.guestMounts, [
    { ...bind, source: "/run/kuasar/state/.volumes/c1.0", target: "/run/kuasar/binds/c1/0" },
    { ...bind, source: "/run/kuasar/state/.volumes/c1.1", target: "/run/kuasar/binds/c1/1" },
  ]);
  strictEqual(plan.guestSources.get(1), "/run/kuasar/binds/c1/1");
  strictEqual(plan.modesOfHost.size, 0);
});

Deno.test("a volume follows later mounts of the host where it is asked to", () => {
  const found = ["rprivate", "rslave", "shared"].map((option) =>
    volumesOf([{ source: "/d", options: ["rbind", option] }], host({ "/d": {} })).volumes[0]?.propagation
  );
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

/** Places below an attachment, or a new one, that the mounts of a container get. */
function placesOf(plan: ContainerPlan): string[] {
  return plan.guestMounts.map(({ source, subPath }) => `${source.split("/").at(-1)}:${subPath}`);
}

Deno.test("what is mounted twice, or in part, is attached once", () => {
  const sources = ["/d", "/d", "/d/sub", "/other"];
  const facts = host(Object.fromEntries(sources.map((source) => [source, {}])));
  const plan = volumesOf(sources.map((source) => ({ source })), facts);
  deepStrictEqual(placesOf(plan), ["c1.0:", "c1.0:", "c1.0:sub", "c1.3:"]);
  deepStrictEqual(plan.attachments.map(({ id, path }) => [id, path]), [["c1.0", "/d"], ["c1.3", "/other"]]);
});

Deno.test("an attachment of the pod serves whom it gives no more than was asked for", () => {
  const facts = { ...host({ "/d": {}, "/nested": {} }), isSame: () => true };
  const attached = (path: string, mode: "rw" | "ro") => [
    { id: "c0.7", device: "8:1", path, recursive: true, mode, propagation: "private" as const },
  ];
  const asked = (source: string, options: string[], has: ContainerPlan["attachments"]) =>
    placesOf(volumesOf([{ source, options }], facts, has));
  deepStrictEqual(asked("/d", ["rbind"], attached("/d", "rw")), ["c0.7:"]);
  // The guest may write there anyway.
  deepStrictEqual(asked("/d", ["rbind", "ro"], attached("/d", "rw")), ["c0.7:"]);
  deepStrictEqual(asked("/d", ["rbind"], attached("/d", "ro")), ["c1.0:"]);
  deepStrictEqual(asked("/nested", ["rbind", "ro"], attached("/nested", "rw")), ["c1.0:"]);
  deepStrictEqual(asked("/d", ["rbind", "rslave"], attached("/d", "rw")), ["c1.0:"]);
  deepStrictEqual(asked("/d", ["bind"], attached("/d", "rw")), ["c1.0:"]);
  deepStrictEqual(asked("/d", ["rbind"], attached("/d/sub", "rw")), ["c1.0:"]);
  const hidden = { ...facts, isSame: () => false };
  deepStrictEqual(placesOf(volumesOf([{ source: "/d" }], hidden, attached("/d", "rw"))), ["c1.0:"]);
});

Deno.test("all of an emptyDir is attached to be written to, whatever is asked for first", () => {
  const pod = "/var/lib/kubelet/pods/1";
  const [part, bound] = [`${EMPTY_DIR}/sub`, `${pod}/volume-subpaths/cache/c/0`];
  const facts = host({ [EMPTY_DIR]: {}, [part]: {}, [bound]: {} }, {
    [bound]: { mountPoint: bound, root: part },
  });
  const same: HostFacts = { ...facts, isSame: (one, other) => one === other || one === part };
  const plan = volumesOf(
    [{ source: bound, options: ["rbind", "ro"] }, { source: EMPTY_DIR }, { source: part }],
    same,
  );
  deepStrictEqual(placesOf(plan), ["c1.0:sub", "c1.0:", "c1.0:sub"]);
  deepStrictEqual(plan.volumes.map(({ source, mode }) => [source, mode]), [[EMPTY_DIR, "rw"]]);
});

Deno.test("a part of an emptyDir in memory is a part of the guest's tmpfs, and made there", () => {
  const part = `${EMPTY_DIR}/sub`;
  const tmpfs = { fsType: "tmpfs", device: "0:9", mountPoint: EMPTY_DIR };
  const facts = host({ [EMPTY_DIR]: {}, [part]: { mode: 0o770 } }, { [EMPTY_DIR]: tmpfs, [part]: tmpfs });
  const plan = volumesOf([{ source: part }, { source: EMPTY_DIR }], facts);
  strictEqual(plan.volumes.length, 0);
  const [tmp, bind] = plan.guestMounts;
  deepStrictEqual([tmp?.type, bind?.type, bind?.source], ["tmpfs", "bind", tmp?.target]);
  deepStrictEqual([bind?.subPath, bind?.options], ["sub", ["mode=770", "uid=0", "gid=0"]]);
  deepStrictEqual([...plan.guestSources.values()], ["/run/kuasar/binds/c1/0", tmp?.target]);
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
