import { deepStrictEqual, match, notStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { type KuasarError } from "../../lib/errors/mod.ts";
import { mountsWithin, readMountinfo } from "../../lib/mounts/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { TestStorage } from "./_fixture.ts";

/** A test with real mounts, in a run directory of its own. */
function mountTest(name: string, run: (storage: TestStorage) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.uid() !== 0,
    async fn() {
      await using storage = new TestStorage();
      await run(storage);
    },
  });
}

const mountPoints = (dir: string) =>
  mountsWithin(readMountinfo(), dir).map(({ mountPoint }) => mountPoint.slice(dir.length)).toSorted();

const READ_ONLY = /os error 30/;

mountTest(
  "a share is read-only at its top, private to this mount namespace's own peer group, and repeatable",
  async (storage) => {
    const share = await storage.share();
    deepStrictEqual(share, {
      kind: ShareKind.NINEP,
      tag: "kuasar",
      hostDir: `${storage.runDir}/storage/s1/shared`,
      socketPath: "",
      guestDir: "/run/kuasar/state",
    });
    const before = mountPoints(storage.dir);
    deepStrictEqual(await storage.share(), share);
    deepStrictEqual(mountPoints(storage.dir), before);
    deepStrictEqual(before, ["/run/storage/s1", "/run/storage/s1/shared"]);
    const [shared, base] = mountsWithin(readMountinfo(), `${storage.runDir}/storage/s1`);
    match(shared!.propagation.join(), /^shared:\d+$/);
    deepStrictEqual(base!.propagation, ["unbindable"]);
    throws(() => Deno.writeTextFileSync(`${share.hostDir}/x`, ""), READ_ONLY);
    strictEqual(Deno.statSync(`${storage.runDir}/storage/s1`).mode! & 0o777, 0o700);
  },
);

mountTest("a share of the other kind, of a bad id or of an unknown kind is refused", async (storage) => {
  await storage.share();
  await rejects(storage.share("s1", ShareKind.VIRTIOFS), { code: "FAILED_PRECONDITION" });
  for (const id of ["", "..", "a/b", "state.db", "state.db-wal", "x".repeat(200)]) {
    await rejects(storage.share(id), { code: "INVALID_ARGUMENT" });
  }
  await rejects(storage.share("s2", 7 as ShareKind), { code: "INVALID_ARGUMENT" });
  deepStrictEqual(mountPoints(storage.dir), ["/run/storage/s1", "/run/storage/s1/shared"]);
});

mountTest(
  "an overlay rootfs is mounted, the bundle rewritten, the same answer given twice",
  async (storage) => {
    const { hostDir } = await storage.share();
    const answer = await storage.prepare("c1");
    strictEqual(answer.guestBundle, "/run/kuasar/state/c1");
    deepStrictEqual(answer.mounts.map(({ target }) => target), ["/run/kuasar/pod/shm"]);
    strictEqual(Deno.readTextFileSync(`${hostDir}/c1/rootfs/hello`), "c1");
    Deno.writeTextFileSync(`${hostDir}/c1/rootfs/written`, "1");
    ok(Deno.statSync(`${storage.dir}/layers/c1-upper/written`).isFile);
    const spec = JSON.parse(Deno.readTextFileSync(`${hostDir}/c1/config.json`));
    strictEqual(spec.root.path, "rootfs");
    strictEqual(spec.linux.cgroupsPath, "/kuasar/c1");
    throws(() => Deno.writeTextFileSync(`${hostDir}/c1/config.json`, ""), READ_ONLY);
    const before = mountPoints(storage.dir);
    deepStrictEqual(await storage.prepare("c1"), answer);
    deepStrictEqual(mountPoints(storage.dir), before);
    await rejects(storage.prepare("c1", ({ request }) => request.sharePid = true), {
      code: "ALREADY_EXISTS",
    });
  },
);

mountTest(
  "volumes: files and directories, read-only enforced on the host, mounts below brought along",
  async (storage) => {
    const { hostDir } = await storage.share();
    for (const name of ["rw", "ro", "outer", "outer/inner"]) {
      Deno.mkdirSync(`${storage.dir}/v/${name}`, {
        recursive: true,
      });
    }
    Deno.writeTextFileSync(`${storage.dir}/v/file`, "content");
    // A share of another pod stands in for any mount below a volume.
    await storage.share("s2");
    await storage.prepare("c1", ({ spec }) => {
      spec.mounts = [
        { destination: "/rw", type: "bind", source: `${storage.dir}/v/rw`, options: ["rbind", "rw"] },
        { destination: "/ro", type: "bind", source: `${storage.dir}/v/ro`, options: ["rbind", "ro"] },
        { destination: "/file", type: "bind", source: `${storage.dir}/v/file`, options: ["bind", "ro"] },
        { destination: "/all", type: "bind", source: storage.dir, options: ["rbind", "rshared"] },
      ];
    });
    const volumes = `${hostDir}/.volumes/c1`;
    Deno.writeTextFileSync(`${volumes}.0/x`, "from the guest");
    strictEqual(Deno.readTextFileSync(`${storage.dir}/v/rw/x`), "from the guest");
    throws(() => Deno.writeTextFileSync(`${volumes}.1/x`, ""), READ_ONLY);
    throws(() => Deno.writeTextFileSync(`${volumes}.2`, ""), READ_ONLY);
    strictEqual(Deno.readTextFileSync(`${volumes}.2`), "content");
    // Neither the own share nor another pod's comes along with a directory above.
    deepStrictEqual(
      Array.from(Deno.readDirSync(`${volumes}.3/run/storage/s2`), ({ name }) => name).toSorted(),
      [
        "shared",
        "tree",
      ],
    );
    deepStrictEqual(mountPoints(`${volumes}.3`), [""]);
    const spec = JSON.parse(Deno.readTextFileSync(`${hostDir}/c1/config.json`));
    deepStrictEqual(spec.mounts[3], {
      destination: "/all",
      type: "bind",
      source: "/run/kuasar/binds/c1/3",
      options: ["rbind", "rprivate"],
    });
  },
);

mountTest(
  "a rootfs of several mounts; a link in the image does not lead a later one elsewhere",
  async (storage) => {
    const { hostDir } = await storage.share();
    const options = storage.overlay("c1");
    const lower = `${storage.dir}/layers/c1-lower`;
    Deno.mkdirSync(`${lower}/data`);
    Deno.mkdirSync(`${storage.dir}/extra`);
    Deno.symlinkSync("/tmp", `${lower}/link`);
    const overlay = { type: "overlay", source: "overlay", target: "", options };
    const extra = (target: string) => ({
      type: "bind",
      source: `${storage.dir}/extra`,
      target,
      options: ["rbind", "ro"],
    });
    await storage.prepare("c1", ({ request }) => request.rootfs = [overlay, extra("/data")]);
    throws(() => Deno.writeTextFileSync(`${hostDir}/c1/rootfs/data/x`, ""), READ_ONLY);
    await storage.release("c1");
    await rejects(
      storage.prepare("c1", ({ request }) => request.rootfs = [overlay, extra("/link")]),
      /ELOOP/,
    );
    deepStrictEqual(mountPoints(storage.dir), ["/run/storage/s1", "/run/storage/s1/shared"]);
  },
);

mountTest("120 layers are mounted though their names do not fit a page", async (storage) => {
  const { hostDir } = await storage.share();
  const layers = Array.from({ length: 120 }, (_, i) => `${storage.dir}/snapshots/with-a-long-name/${i}/fs`);
  for (const layer of layers) Deno.mkdirSync(layer, { recursive: true });
  Deno.writeTextFileSync(`${layers[119]}/last`, "");
  const cwd = Deno.cwd();
  await storage.prepare("c1", ({ request }) => request.rootfs[0]!.options = [`lowerdir=${layers.join(":")}`]);
  ok(Deno.statSync(`${hostDir}/c1/rootfs/last`).isFile);
  strictEqual(Deno.cwd(), cwd);
});

mountTest("a failure leaves nothing, and the id can be used again", async (storage) => {
  await rejects(storage.prepare("c1"), { code: "FAILED_PRECONDITION", message: /has no share/ });
  await storage.share();
  const before = mountPoints(storage.dir);
  const wrong = "lowerdir=/nowhere";
  await rejects(
    storage.prepare("c1", ({ request }) => request.rootfs[0]!.options = [wrong]),
    (error: Error) => {
      match(error.message, /Cannot mount the overlay at .*c1\/rootfs: ENOENT/);
      deepStrictEqual([(error as KuasarError).code, ...(error as KuasarError).evidence], [
        "FAILED_PRECONDITION",
        wrong,
      ]);
      return true;
    },
  );
  await rejects(
    storage.prepare("c1", ({ spec }) => {
      spec.mounts!.push({ destination: "/x", type: "bind", source: "/nowhere", options: [] });
    }),
    /\/nowhere: it does not exist/,
  );
  await rejects(storage.prepare("c1", ({ spec }) => spec.ociVersion = 5 as never), {
    code: "INVALID_ARGUMENT",
  });
  await rejects(storage.prepare("c1", ({ request }) => request.containerId = "../x"), {
    code: "INVALID_ARGUMENT",
  });
  deepStrictEqual(mountPoints(storage.dir), before);
  deepStrictEqual([...Deno.readDirSync(`${storage.runDir}/storage/s1/tree`)], []);
  deepStrictEqual(storage.environment.state.containerIds("s1"), []);
  await storage.prepare("c1");
});

mountTest("release and remove may be repeated, and take nothing of a neighbour", async (storage) => {
  await storage.share();
  await storage.prepare("c1");
  await storage.prepare("c10");
  await storage.release("c1");
  await storage.release("c1");
  await storage.release("unknown", "unknown");
  deepStrictEqual(mountPoints(`${storage.runDir}/storage/s1/shared`), ["", "/c10/rootfs"]);
  deepStrictEqual(Array.from(Deno.readDirSync(`${storage.runDir}/storage/s1/tree`), ({ name }) => name), [
    "c10",
  ]);
  await storage.remove();
  await storage.remove();
  await storage.remove("unknown");
  deepStrictEqual(mountPoints(storage.dir), []);
  deepStrictEqual((await storage.handlers.list({}, {} as never)).sandboxIds, []);
  ok(Deno.statSync(`${storage.dir}/layers/c1-lower/hello`).isFile, "the layers are containerd's");
});

mountTest("a link that the guest puts into its rootfs or volume leads the host nowhere", async (storage) => {
  const { hostDir } = await storage.share();
  const victim = `${storage.dir}/victim`;
  Deno.mkdirSync(`${storage.dir}/v/deep`, { recursive: true });
  Deno.mkdirSync(victim);
  Deno.writeTextFileSync(`${victim}/precious`, "");
  await storage.prepare("c1", ({ spec }) => {
    spec.mounts!.push({ destination: "/v", type: "bind", source: `${storage.dir}/v`, options: ["rbind"] });
  });
  const volume = `${hostDir}/.volumes/c1.7`;
  // What a root of the guest can do: replace everything it may write by links.
  Deno.removeSync(`${volume}/deep`);
  Deno.symlinkSync(victim, `${volume}/deep`);
  Deno.symlinkSync(victim, `${hostDir}/c1/rootfs/link`);
  for (const target of [`${hostDir}/c1`, `${hostDir}/.volumes`, `${hostDir}/c2`]) {
    throws(() => Deno.symlinkSync(victim, `${target}/link`));
  }
  throws(() => Deno.renameSync(`${hostDir}/c1/config.json`, `${hostDir}/.volumes/config.json`), READ_ONLY);
  await storage.remove();
  ok(Deno.statSync(`${victim}/precious`).isFile);
});

mountTest("a volume is in the share once, as long as one container has it", async (storage) => {
  await storage.share();
  Deno.mkdirSync(`${storage.dir}/v/sub`, { recursive: true });
  const withVolume = (...sources: string[]) => ({ spec }: { spec: { mounts?: unknown[] } }) => {
    spec.mounts = sources.map((source, i) => ({
      destination: `/v${i}`,
      type: "bind",
      source,
      options: ["rbind"],
    }));
  };
  const attached = () => mountPoints(`${storage.runDir}/storage/s1/shared/.volumes`);
  const [whole, part] = [`${storage.dir}/v`, `${storage.dir}/v/sub`];
  await storage.prepare("c1", withVolume(whole, whole));
  const { mounts } = await storage.prepare("c2", withVolume(part));
  deepStrictEqual(mounts, [{
    type: "bind",
    source: "/run/kuasar/state/.volumes/c1.0",
    target: "/run/kuasar/binds/c2/0",
    options: [],
    podScoped: false,
    subPath: "sub",
  }]);
  deepStrictEqual(attached(), ["/c1.0"]);
  await storage.release("c1");
  deepStrictEqual(attached(), ["/c1.0"]);
  // What nobody uses is taken away also where its container was never finished.
  await storage.prepare("c3", withVolume(`${storage.dir}/layers`));
  const { state } = storage.environment;
  state.putContainer("s1", "c3", { ...state.container("s1", "c3")!, state: "preparing" });
  deepStrictEqual(attached(), ["/c1.0", "/c3.0"]);
  await storage.restart();
  deepStrictEqual(attached(), ["/c1.0"]);
  // A guest may remember what was at a place: the next one is another.
  await storage.release("c2");
  deepStrictEqual(attached(), []);
  await storage.prepare("c4", withVolume(part));
  deepStrictEqual(attached(), ["/c4.0"]);
});

mountTest("after a restart complete work is kept and half done work undone", async (storage) => {
  await storage.share();
  await storage.share("s2");
  await storage.prepare("c1");
  const before = mountPoints(storage.dir);
  const { state } = storage.environment;
  await storage.prepare("half");
  state.putContainer("s1", "half", { state: "preparing", requestHash: "" });
  await storage.prepare("unknown");
  state.deleteContainer("s1", "unknown");
  const found = await storage.restart();
  deepStrictEqual([found.adopted, found.undone, found.leftovers], [2, 2, []]);
  deepStrictEqual(mountPoints(storage.dir), before);
  await storage.prepare("c1");
  deepStrictEqual(mountPoints(storage.dir), before);
  // Killed half-way through a creation, and a directory that the state knows nothing of.
  storage.environment.state.shares.put("s1", { kind: "9p", state: "creating" });
  storage.environment.state.deleteShare("s2");
  Deno.mkdirSync(`${storage.runDir}/storage/lost+found`);
  const again = await storage.restart();
  deepStrictEqual([again.adopted, again.undone, again.leftovers], [0, 2, []]);
  deepStrictEqual(mountPoints(storage.dir), []);
  ok(Deno.statSync(`${storage.runDir}/storage/lost+found`).isDirectory);
  notStrictEqual(await storage.share(), undefined);
});

mountTest("a state that outlived its mounts (a reboot) is forgotten", async (storage) => {
  await storage.share();
  await storage.prepare("c1");
  const { unmountBelow } = await import("../../lib/mounts/mod.ts");
  unmountBelow(`${storage.runDir}/storage/s1`);
  strictEqual((await storage.restart()).undone, 1);
  await storage.share();
  await storage.prepare("c1");
});

mountTest("sandboxes are prepared side by side", async (storage) => {
  await Promise.all([storage.share("s1"), storage.share("s2")]);
  await Promise.all(
    Array.from(
      { length: 10 },
      (_, i) => storage.prepare(`c${i}`, ({ request }) => request.sandboxId = i % 2 ? "s1" : "s2"),
    ),
  );
  strictEqual(mountPoints(storage.dir).length, 4 + 10);
  await Promise.all([storage.remove("s1"), storage.remove("s2")]);
  deepStrictEqual(mountPoints(storage.dir), []);
});
