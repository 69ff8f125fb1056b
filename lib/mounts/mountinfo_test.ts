import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { isWithin, type MountEntry, mountOf, mountsWithin, parseMountinfo } from "./mountinfo.ts";

const line = (id: number, parent: number, point: string) =>
  `${id} ${parent} 0:31 / ${point} rw,nosuid shared:7 master:3 - tmpfs tmpfs rw,size=4k`;

/** The kernel's own escaping (mangle() in fs/proc_namespace.c). */
const escape = (path: string) =>
  path.replace(/[ \t\n\\#]/g, (c) => "\\" + c.charCodeAt(0).toString(8).padStart(3, "0"));

Deno.test("a line is split into its fields", () => {
  deepStrictEqual(parseMountinfo(line(9, 4, "/a\\040b") + "\n"), [{
    id: 9,
    parent: 4,
    device: "0:31",
    root: "/",
    mountPoint: "/a b",
    options: ["rw", "nosuid"],
    propagation: ["shared:7", "master:3"],
    fsType: "tmpfs",
    source: "tmpfs",
    superOptions: ["rw", "size=4k"],
  }]);
});

Deno.test("a line without propagation, and one with an empty source", () => {
  strictEqual(parseMountinfo("1 0 8:1 / / rw - ext4 /dev/a rw")[0]!.propagation.length, 0);
  strictEqual(parseMountinfo("1 0 8:1 / / rw - fuse  rw")[0]!.source, "");
});

Deno.test("a line that is no mount is refused", () => {
  for (const text of ["garbage", "1 2 3 4 5 6", "1 0 8:1 / / rw - ext4"]) {
    throws(() => parseMountinfo(text), { code: "INTERNAL" });
  }
});

Deno.test("escaping by the kernel is undone for every path", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }).filter((s) => !/[\0\r]/.test(s)), (name) => {
    strictEqual(parseMountinfo(line(1, 0, escape("/" + name)))[0]!.mountPoint, "/" + name);
  }));
});

Deno.test("a path is below a directory by components, not by letters", () => {
  ok(isWithin("/run/x/ab", "/run/x/ab"));
  ok(isWithin("/run/x/ab/c", "/run/x/ab"));
  ok(!isWithin("/run/x/abc", "/run/x/ab"));
  ok(isWithin("/a", "/"));
});

/** A random tree of mounts: each hangs below an earlier one, or on top of it. */
const trees = fc.array(fc.tuple(fc.nat(), fc.constantFrom("", "/a", "/ab", "/a/b")), { maxLength: 30 }).map(
  (steps) => {
    const entries: MountEntry[] = [parseMountinfo(line(1, 0, "/r"))[0]!];
    for (const [at, name] of steps) {
      const parent = entries[at % entries.length]!;
      entries.push({
        ...parent,
        id: entries.length + 1,
        parent: parent.id,
        mountPoint: parent.mountPoint + name,
      });
    }
    return entries;
  },
);

Deno.test("mounts come before the ones they stand on, and none from beside the directory", () => {
  fc.assert(fc.property(trees, fc.constantFrom("/r", "/r/a", "/r/ab"), (entries, dir) => {
    const found = mountsWithin(entries, dir);
    const seen = new Set<number>();
    for (const entry of found) {
      ok(isWithin(entry.mountPoint, dir));
      ok(!seen.has(entry.parent), "a parent came before its child");
      seen.add(entry.id);
    }
    strictEqual(found.length, entries.filter((e) => isWithin(e.mountPoint, dir)).length);
  }));
});

Deno.test("the mount of a path is the topmost one at the longest mount point", () => {
  const entries = parseMountinfo(
    [line(1, 0, "/"), line(2, 1, "/a"), line(3, 2, "/a"), line(4, 1, "/ab")].join("\n"),
  );
  strictEqual(mountOf(entries, "/a/b")?.id, 3);
  strictEqual(mountOf(entries, "/abc")?.id, 1);
  strictEqual(mountOf(entries, "/ab/c")?.id, 4);
});
