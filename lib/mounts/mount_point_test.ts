import { strictEqual } from "node:assert/strict";
import { makeMountPoint, openPath } from "./mod.ts";

Deno.test("a mount point is made where a path leads inside, and nowhere else", async () => {
  const outside = await Deno.makeTempDir();
  try {
    const path = `${outside}/rootfs`;
    await Deno.mkdir(`${path}/real`, { recursive: true });
    await Deno.symlink("/real", `${path}/link`);
    await Deno.symlink(`${outside}/elsewhere`, `${path}/out`);
    await Deno.symlink("../../up", `${path}/up`);
    await Deno.symlink("/", `${path}/top`);
    await Deno.writeTextFile(`${path}/file`, "x");
    using root = openPath(path);
    const make = (at: string, isDirectory = true) => makeMountPoint(root, at, isDirectory);

    strictEqual(make("/data"), "/data");
    strictEqual(make("/a/b/c"), "/a/b/c");
    strictEqual(make("/link/x/y"), "/real/x/y");
    strictEqual(make("/link"), "/real");
    strictEqual(make("/../../data"), "/data");
    strictEqual(make("/etc/hosts", false), "/etc/hosts");
    strictEqual((await Deno.stat(`${path}/real/x/y`)).isDirectory, true);
    strictEqual((await Deno.stat(`${path}/etc/hosts`)).size, 0);
    for (
      const [at, isDirectory] of [
        ["/file", true],
        ["/real", false],
        ["/file/x", true],
        ["/out", true],
        ["/up", true],
        ["/", true],
        ["/top", true],
      ] as const
    ) {
      strictEqual(make(at, isDirectory), undefined, at);
    }
    strictEqual([...Deno.readDirSync(outside)].length, 1);
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});
