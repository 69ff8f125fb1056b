import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MS } from "../libc/mod.ts";
import { MOUNT_ATTR, mountAttributes, mountFlags } from "./mod.ts";

Deno.test("options of a mount are told from those of the file system", () => {
  deepStrictEqual(mountFlags(["rw", "ro", "nosuid", "size=1m"]), {
    flags: MS.RDONLY | MS.NOSUID,
    data: ["size=1m"],
  });
  strictEqual(mountAttributes(["rbind", "ro", "nodev", "noexec"]), MOUNT_ATTR.nodev | MOUNT_ATTR.noexec);
  strictEqual(mountAttributes(["bind"]), 0);
});
