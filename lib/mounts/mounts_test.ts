import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { mount } from "../libc/mod.ts";
import {
  bindMount,
  dropOwnMount,
  makeOwnMount,
  mountsWithin,
  openPath,
  readMountinfo,
  unmountBelow,
} from "./mod.ts";

const ignore = Deno.uid() !== 0;

/** Runs with a directory of its own, in which nothing is mounted afterwards. */
function withDir(run: (dir: string) => void): () => void {
  return () => {
    const dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "kt-mounts-" }));
    try {
      run(dir);
    } finally {
      unmountBelow(dir);
      Deno.removeSync(dir, { recursive: true });
    }
  };
}

function bind(source: string, target: string, options = {}) {
  using fd = openPath(source);
  bindMount(fd, target, options, source);
}

const tmpfs = (target: string) => mount({ source: "tmpfs", target, type: "tmpfs", data: "size=64k" });

const points = (dir: string) =>
  mountsWithin(readMountinfo(), dir).map((entry) => entry.mountPoint).toSorted();

Deno.test({
  name: "a read-only bind of a directory cannot be written, its source can",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["a", "b"]) Deno.mkdirSync(`${dir}/${name}`);
    bind(`${dir}/a`, `${dir}/b`, { readOnly: true });
    throws(() => Deno.writeTextFileSync(`${dir}/b/x`, ""), /os error 30/);
    Deno.writeTextFileSync(`${dir}/a/x`, "1");
    strictEqual(Deno.readTextFileSync(`${dir}/b/x`), "1");
    const [entry] = mountsWithin(readMountinfo(), `${dir}/b`);
    for (const option of ["ro", "nosuid", "nodev"]) ok(entry!.options.includes(option), option);
    deepStrictEqual(entry!.propagation, []);
  }),
});

Deno.test({
  name: "a file is bound, and a symbolic link in the target refused",
  ignore,
  fn: withDir((dir) => {
    Deno.writeTextFileSync(`${dir}/f`, "content");
    Deno.writeTextFileSync(`${dir}/t`, "");
    Deno.symlinkSync(dir, `${dir}/link`);
    bind(`${dir}/f`, `${dir}/t`);
    strictEqual(Deno.readTextFileSync(`${dir}/t`), "content");
    throws(() => bind(`${dir}/f`, `${dir}/link/t`), { errnoName: "ELOOP" });
    throws(() => openPath(`${dir}/none`), { code: "NOT_FOUND" });
  }),
});

Deno.test({
  name: "a recursive bind brings the mounts below, read-only where asked for",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["a", "a/sub", "b", "c"]) Deno.mkdirSync(`${dir}/${name}`);
    tmpfs(`${dir}/a/sub`);
    bind(`${dir}/a`, `${dir}/b`, { recursive: true, readOnly: true });
    bind(`${dir}/a`, `${dir}/c`, { recursive: true, recursiveReadOnly: true });
    Deno.writeTextFileSync(`${dir}/b/sub/x`, "");
    throws(() => Deno.writeTextFileSync(`${dir}/c/sub/y`, ""), /os error 30/);
    strictEqual(unmountBelow(`${dir}/b`), 2);
    deepStrictEqual(points(dir), [`${dir}/a/sub`, `${dir}/c`, `${dir}/c/sub`]);
  }),
});

Deno.test({
  name: "an unbindable mount stays out of a recursive bind, a shared one shares with nobody else",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["a", "a/own", "b"]) Deno.mkdirSync(`${dir}/${name}`);
    Deno.mkdirSync(`${dir}/a/own/shared`);
    // Opened before the directory becomes unbindable, which its own mount would be too.
    using shared = openPath(`${dir}/a/own/shared`);
    bind(`${dir}/a/own`, `${dir}/a/own`, { propagation: "unbindable" });
    bindMount(shared, `${dir}/a/own/shared`, { propagation: "shared" });
    bind(`${dir}/a`, `${dir}/b`, { recursive: true });
    deepStrictEqual(points(`${dir}/b`), [`${dir}/b`]);
    const groups = readMountinfo().flatMap((entry) => entry.propagation);
    const [own] = mountsWithin(readMountinfo(), `${dir}/a/own/shared`)[0]!.propagation;
    strictEqual(groups.filter((group) => group === own).length, 1);
  }),
});

for (const parent of ["shared", "private", "slave"] as const) {
  Deno.test({
    name: `an unbindable mount is attached below a ${parent} one`,
    ignore,
    fn: withDir((dir) => {
      for (const name of ["above", "p", "p/own", "b"]) Deno.mkdirSync(`${dir}/${name}`);
      if (parent === "slave") bind(`${dir}/above`, `${dir}/above`, { propagation: "shared" });
      bind(`${dir}/p`, `${dir}/p`, { propagation: parent });
      bind(`${dir}/p/own`, `${dir}/p/own`, { propagation: "unbindable" });
      deepStrictEqual(mountsWithin(readMountinfo(), `${dir}/p/own`).map((entry) => entry.propagation), [
        ["unbindable"],
      ]);
      bind(`${dir}/p`, `${dir}/b`, { recursive: true });
      deepStrictEqual(points(`${dir}/b`), [`${dir}/b`]);
    }),
  });
}

Deno.test({
  name: "what is mounted in an own mount is not heard of elsewhere, and the mount goes when nobody uses it",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["p", "q"]) Deno.mkdirSync(`${dir}/${name}`);
    bind(`${dir}/p`, `${dir}/p`, { propagation: "shared", attributes: 0 });
    // Hears of what is mounted in `p`, as a mount namespace that existed before.
    bind(`${dir}/p`, `${dir}/q`, { propagation: "slave" });
    for (let i = 0; i < 2; i++) makeOwnMount(`${dir}/p/own`);
    const { options } = mountsWithin(readMountinfo(), `${dir}/p/own`)[0]!;
    deepStrictEqual(options.filter((option) => /^no(suid|dev|exec)$/.test(option)), [], "as before");
    Deno.mkdirSync(`${dir}/p/own/x`);
    tmpfs(`${dir}/p/own/x`);
    deepStrictEqual(points(dir).slice(2), [`${dir}/p/own/x`, `${dir}/q`, `${dir}/q/own`]);
    dropOwnMount(`${dir}/p/own`);
    strictEqual(points(`${dir}/p/own`).length, 2, "in use");
    unmountBelow(`${dir}/p/own/x`);
    for (let i = 0; i < 2; i++) dropOwnMount(`${dir}/p/own`);
    deepStrictEqual(points(dir), [`${dir}/p`, `${dir}/q`]);
  }),
});

Deno.test({
  name: "an own mount never hides what is mounted in its directory",
  ignore,
  fn: withDir((dir) => {
    Deno.mkdirSync(`${dir}/own/x`, { recursive: true });
    tmpfs(`${dir}/own/x`);
    makeOwnMount(`${dir}/own`);
    deepStrictEqual(points(dir), [`${dir}/own/x`]);
  }),
});

Deno.test({
  name: "a slave follows what is mounted below its source, and not the other way round",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["a", "b", "c", "a/x", "a/y"]) Deno.mkdirSync(`${dir}/${name}`, { recursive: true });
    bind(`${dir}/a`, `${dir}/a`, { propagation: "shared" });
    bind(`${dir}/a`, `${dir}/b`, { recursive: true, propagation: "slave" });
    bind(`${dir}/a`, `${dir}/c`, { recursive: true });
    tmpfs(`${dir}/a/x`);
    deepStrictEqual(points(`${dir}/b`), [`${dir}/b`, `${dir}/b/x`]);
    deepStrictEqual(points(`${dir}/c`), [`${dir}/c`]);
    unmountBelow(`${dir}/a/x`);
    deepStrictEqual(points(`${dir}/b`), [`${dir}/b`]);
    tmpfs(`${dir}/b/y`);
    deepStrictEqual(points(`${dir}/a`), [`${dir}/a`]);
  }),
});

Deno.test({
  name: "unmounting leaves a neighbour whose name begins alike, stacks, odd names and busy mounts no problem",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["ab", "abc", "ab/ö \\ x"]) Deno.mkdirSync(`${dir}/${name}`);
    for (const name of ["abc", "ab/ö \\ x", "ab/ö \\ x"]) {
      tmpfs(`${dir}/${name}`);
    }
    using _busy = Deno.openSync(`${dir}/ab/ö \\ x/open`, { create: true, write: true });
    strictEqual(unmountBelow(`${dir}/ab`), 2);
    strictEqual(unmountBelow(`${dir}/ab`), 0);
    deepStrictEqual(points(dir), [`${dir}/abc`]);
  }),
});

Deno.test({
  name: "a link put over a path to a mount is not followed",
  ignore,
  fn: withDir((dir) => {
    for (const name of ["vol", "vol/a", "vol/a/sub", "other", "other/sub", "at"]) {
      Deno.mkdirSync(`${dir}/${name}`);
    }
    tmpfs(`${dir}/other/sub`);
    tmpfs(`${dir}/vol/a/sub`);
    bind(`${dir}/vol`, `${dir}/at`, { recursive: true });
    // What a guest can do to a writable volume: the directory above a mount moves, a link takes its place.
    Deno.renameSync(`${dir}/vol/a`, `${dir}/vol/moved`);
    Deno.symlinkSync(`${dir}/other`, `${dir}/vol/a`);
    strictEqual(unmountBelow(`${dir}/at`), 2);
    deepStrictEqual(points(dir), [`${dir}/other/sub`, `${dir}/vol/moved/sub`]);
  }),
});
