import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { mountsWithin, readMountinfo } from "../../../lib/mounts/mod.ts";
import { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { MKFS_EROFS, TestStorage } from "../_fixture.ts";

/** A test with real mounts and disks, in a run directory of its own. */
function diskTest(name: string, run: (storage: TestStorage) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.uid() !== 0,
    async fn() {
      if (!await Deno.stat(MKFS_EROFS).catch(() => undefined)) {
        return console.log("skipped: no mkfs.erofs yet");
      }
      await using storage = new TestStorage();
      await storage.share("s1", ShareKind.BLOCK);
      await run(storage);
    },
  });
}

const FSCK_EROFS = MKFS_EROFS.replace(/mkfs\.erofs$/, "fsck.erofs");

/** The content of a disk. */
async function unpack(storage: TestStorage, image: string): Promise<string> {
  const to = `${storage.dir}/unpacked`;
  await Deno.remove(to, { recursive: true }).catch(() => {});
  const { success, stderr } = await new Deno.Command(FSCK_EROFS, {
    args: [`--extract=${to}`, image],
  }).output();
  strictEqual(success, true, new TextDecoder().decode(stderr));
  return to;
}

diskTest("a container becomes a disk with its bundle and one with its rootfs", async (storage) => {
  Deno.mkdirSync(`${storage.dir}/secret`);
  Deno.writeTextFileSync(`${storage.dir}/secret/token`, "t");
  const answer = await storage.prepare("c1", ({ spec }) => {
    spec.mounts = [{ destination: "/s", type: "bind", source: `${storage.dir}/secret`, options: ["ro"] }];
  });
  const [bundle, rootfs] = answer.blockDevices;
  deepStrictEqual(answer.blockDevices.map(({ readOnly }) => readOnly), [true, true]);
  deepStrictEqual(answer.mounts.map(({ type, target }) => `${type} ${target}`), [
    "tmpfs /run/kuasar/disks/c1",
    "erofs /run/kuasar/disks/c1/bundle",
    "overlay /run/kuasar/state/c1",
    "erofs /run/kuasar/disks/c1/rootfs",
    "overlay /run/kuasar/state/c1/rootfs",
  ]);
  const files = await unpack(storage, bundle!.hostPath);
  strictEqual(Deno.readTextFileSync(`${files}/volumes/0/token`), "t");
  const spec = JSON.parse(Deno.readTextFileSync(`${files}/config.json`));
  strictEqual(spec.mounts[0].source, "/run/kuasar/state/c1/volumes/0");
  strictEqual(Deno.readTextFileSync(`${await unpack(storage, rootfs!.hostPath)}/hello`), "c1");
  // Nothing of it stays mounted on the host.
  const pod = `${storage.runDir}/storage/s1`;
  const mounted = mountsWithin(readMountinfo(), pod).map(({ mountPoint }) => mountPoint.slice(pod.length));
  deepStrictEqual(mounted, ["/shared", ""], "those of the pod itself");
  deepStrictEqual(await storage.prepare("c1", ({ spec: same }) => void (same.mounts = spec.mounts)), answer);
});

diskTest("containers of one image share its disk, and leave it for the next", async (storage) => {
  const layers = storage.overlay("image");
  const prepare = async (id: string) => {
    const rootfs = [{ type: "overlay", source: "overlay", target: "", options: layers }];
    const { blockDevices } = await storage.prepare(id, ({ request }) => void (request.rootfs = rootfs));
    return blockDevices;
  };
  const [first, second] = [await prepare("c1"), await prepare("c2")];
  strictEqual(first[1]!.hostPath, second[1]!.hostPath);
  deepStrictEqual(new Set([...first, ...second].map(({ serial }) => serial)).size, 4);
  await storage.release("c1");
  await rejects(Deno.stat(first[0]!.hostPath), Deno.errors.NotFound);
  await storage.remove();
  await rejects(Deno.stat(second[0]!.hostPath), Deno.errors.NotFound);
  strictEqual((await Deno.stat(first[1]!.hostPath)).isFile, true);
});

diskTest("a rootfs that was written to has a disk of its own", async (storage) => {
  const options = storage.overlay("c1");
  Deno.writeTextFileSync(`${storage.dir}/layers/c1-upper/more`, "1");
  const { blockDevices } = await storage.prepare("c1", ({ request }) => {
    request.rootfs = [{ type: "overlay", source: "overlay", target: "", options }];
  });
  match(blockDevices[1]!.hostPath, /sandboxes\/s1\/c1-rootfs\.erofs$/);
  const files = await unpack(storage, blockDevices[1]!.hostPath);
  deepStrictEqual([...Deno.readDirSync(files)].map(({ name }) => name).sort(), ["hello", "more"]);
});

diskTest("an emptyDir is the guest's memory, a large volume is refused", async (storage) => {
  const emptyDir = `${storage.dir}/pods/p/volumes/kubernetes.io~empty-dir/cache`;
  Deno.mkdirSync(emptyDir, { recursive: true });
  Deno.chmodSync(emptyDir, 0o777);
  const answer = await storage.prepare("c1", ({ spec }) => {
    spec.mounts = [{ destination: "/cache", type: "bind", source: emptyDir, options: ["rbind"] }];
  });
  const tmpfs = answer.mounts.find(({ target }) => target.startsWith("/run/kuasar/pod/volumes/"));
  deepStrictEqual([tmpfs?.type, tmpfs?.podScoped, tmpfs?.options[0]], ["tmpfs", true, "mode=777"]);
  Deno.writeTextFileSync(`${storage.dir}/large`, "");
  Deno.truncateSync(`${storage.dir}/large`, 65 << 20);
  const large = storage.prepare("c2", ({ spec }) => {
    spec.mounts = [{ destination: "/l", type: "bind", source: `${storage.dir}/large`, options: ["bind"] }];
  });
  await rejects(large, { code: "RESOURCE_EXHAUSTED", message: /block\.volume_mib/ });
});

diskTest(
  "of the files that are copied, a kubelet's for last words are named to be copied back",
  async (storage) => {
    const home = `${storage.dir}/pods/p/containers/c`;
    Deno.mkdirSync(home, { recursive: true });
    const mounts = ["0a1b2c3d", "hosts"].flatMap((name) => {
      Deno.writeTextFileSync(`${home}/${name}`, "");
      return [["rbind", "rw"], ["rbind", "ro"]].map((options, i) => ({
        destination: `/${name}${i}`,
        type: "bind",
        source: `${home}/${name}`,
        options,
      }));
    });
    const { returned } = await storage.prepare("c1", ({ spec }) => void (spec.mounts = mounts));
    deepStrictEqual(returned, [{ volume: 0, hostPath: `${home}/0a1b2c3d` }]);
  },
);

diskTest(
  "a directory that is written to is not copied, unless that is wanted; a file is",
  async (storage) => {
    Deno.mkdirSync(`${storage.dir}/data`);
    Deno.writeTextFileSync(`${storage.dir}/log`, "");
    const prepare = (id: string, source: string) =>
      storage.prepare(id, ({ spec }) => {
        spec.mounts = [{
          destination: "/v",
          type: "bind",
          source: `${storage.dir}/${source}`,
          options: ["rw"],
        }];
      });
    await prepare("c1", "log");
    await rejects(prepare("c2", "data"), { code: "FAILED_PRECONDITION", message: /would be lost/ });
    strictEqual(storage.environment.state.container("s1", "c2"), undefined);
    storage.environment.block = { ...storage.environment.block, copy_writable: true };
    await prepare("c2", "data");
  },
);
