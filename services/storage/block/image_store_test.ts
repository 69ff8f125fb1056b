import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { ImageStore } from "./image_store.ts";

const MIB = 1024 * 1024;

async function withStore(cacheMib: number, run: (store: ImageStore, dir: string) => Promise<void>) {
  const dir = await Deno.makeTempDir();
  try {
    await run(new ImageStore(dir, cacheMib), dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const write = (mib: number) => (path: string) => Deno.writeFile(path, new Uint8Array(mib * MIB));
const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

Deno.test("an image of layers is made once, however many ask; a failure is tried again", async () => {
  await withStore(10, async (store, dir) => {
    await rejects(store.layers("k", () => Promise.reject(new Error("full"))));
    let made = 0;
    const make = (path: string) => (made++, write(1)(path));
    const images = await Promise.all([1, 2, 3].map(() => store.layers("k", make)));
    deepStrictEqual(new Set(images.map(({ path }) => path)), new Set([`${dir}/layers/k.erofs`]));
    strictEqual(made, 1);
  });
});

Deno.test("what was not used for longest goes first, and never what is in use", async () => {
  await withStore(2, async (store, dir) => {
    const paths: string[] = [];
    for (const [index, key] of ["a", "b", "c", "d"].entries()) {
      using image = await store.layers(key, write(1));
      paths.push(image.path);
      Deno.utimeSync(paths[index]!, index, index);
    }
    store.trim(new Set([paths[0]!]));
    deepStrictEqual(names(`${dir}/layers`), ["a.erofs", "d.erofs"]);
    store.trim(new Set());
    deepStrictEqual(names(`${dir}/layers`), ["a.erofs", "d.erofs"]);
  });
});

Deno.test("what somebody is about to use stays, until the last of them has given it up", async () => {
  await withStore(0, async (store, dir) => {
    const first = await store.layers("k", write(1));
    const second = await store.layers("k", write(1));
    first[Symbol.dispose]();
    store.trim(new Set());
    deepStrictEqual(names(`${dir}/layers`), ["k.erofs"]);
    second[Symbol.dispose]();
    store.trim(new Set());
    deepStrictEqual(names(`${dir}/layers`), []);
    // Nor does one that failed stay claimed.
    await rejects(store.layers("k", () => Promise.reject(new Error("full"))));
    await write(1)(`${dir}/layers/k.erofs`);
    store.trim(new Set());
    deepStrictEqual(names(`${dir}/layers`), []);
  });
});

Deno.test("images of containers go with them, and with their sandbox", async () => {
  await withStore(1, async (store, dir) => {
    for (const [sandbox, container] of [["s1", "c1"], ["s1", "c2"], ["s2", "c1"]] as const) {
      await write(0)(store.own(sandbox, container, "rootfs"));
    }
    store.removeContainer("s1", "c1", ["bundle", "rootfs"]);
    store.removeContainer("s1", "c1", ["bundle", "rootfs"]);
    deepStrictEqual(names(`${dir}/sandboxes/s1`), ["c2-rootfs.erofs"]);
    store.removeSandbox("s1");
    store.removeSandbox("s1");
    using _kept = await store.layers("k", write(0));
    await write(0)(`${dir}/layers/l.erofs.part`);
    store.recover(new Set());
    deepStrictEqual([names(`${dir}/sandboxes`), names(`${dir}/layers`)], [[], ["k.erofs"]]);
  });
});
