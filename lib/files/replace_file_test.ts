import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { mount, UMOUNT, unmount } from "../libc/mod.ts";
import { replaceFile } from "./mod.ts";

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("a full disk is not tested: only root can mount one");
Deno.test({
  name: "on a full disk a file stays as it was, and no half of the next one is left",
  ignore: !isRoot,
  fn() {
    const disk = Deno.makeTempDirSync();
    mount({ source: "tmpfs", target: disk, type: "tmpfs", data: "size=64k" });
    try {
      replaceFile(`${disk}/file`, "before", 0o600);
      throws(() => Deno.writeFileSync(`${disk}/rest`, new Uint8Array(1 << 20)));
      throws(() => replaceFile(`${disk}/file`, "x".repeat(10_000)), { code: "ENOSPC" });
      deepStrictEqual([...Deno.readDirSync(disk)].map(({ name }) => name).sort(), ["file", "rest"]);
      strictEqual(Deno.readTextFileSync(`${disk}/file`), "before");
    } finally {
      unmount(disk, UMOUNT.DETACH);
      Deno.removeSync(disk);
    }
  },
});
