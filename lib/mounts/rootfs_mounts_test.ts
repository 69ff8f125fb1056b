import { deepStrictEqual, throws } from "node:assert/strict";
import { checkRootfsMounts, ownOptions } from "./mod.ts";

Deno.test("what a snapshotter tells is taken, unless it is too much, leaves the root or maps ids", () => {
  const mount = { target: "", options: ["lowerdir=/a:/b"] };
  checkRootfsMounts([]);
  checkRootfsMounts([mount, { target: "/below/..it", options: [] }]);
  for (
    const [mounts, code] of [
      [Array(65).fill(mount), "INVALID_ARGUMENT"],
      [[{ ...mount, options: Array(1025).fill("ro") }], "INVALID_ARGUMENT"],
      [[{ ...mount, target: "a/../../b" }], "INVALID_ARGUMENT"],
      [[{ ...mount, options: ["uidmap=0:1:1"] }], "UNIMPLEMENTED"],
      [[{ ...mount, options: ["ridmap"] }], "UNIMPLEMENTED"],
    ] as const
  ) throws(() => checkRootfsMounts(mounts), { code });
});

Deno.test("options for containerd's own handlers are not the mount's", () => {
  deepStrictEqual(ownOptions(["ro", "X-containerd.loop", "loop"]), ["ro", "loop"]);
});
