import { deepStrictEqual, notStrictEqual, strictEqual } from "node:assert/strict";
import type { RootfsMount } from "../plan.ts";
import { type LayerHost, untouchedLayers } from "./layers.ts";

const host = (written: readonly string[] = [], madeAtMs = 1): LayerHost => ({
  stat: () => ({ dev: 1, ino: 2, madeAtMs }),
  isEmpty: (directory) => !written.includes(directory),
});

const overlay = (lower: string, target = ""): RootfsMount => ({
  kind: "overlay",
  target,
  readOnly: false,
  options: ["index=off", `lowerdir=${lower}`, "upperdir=/u", "workdir=/w"],
});

Deno.test("containers that begin with the same layers have the same key, others another", () => {
  const key = (rootfs: RootfsMount[], of = host()) => untouchedLayers(rootfs, of)?.key;
  strictEqual(key([overlay("/a:/b")]), key([{ ...overlay("/a:/b"), readOnly: true }]));
  notStrictEqual(key([overlay("/a:/b")]), key([overlay("/b:/a")]));
  // Another directory has taken the path.
  notStrictEqual(key([overlay("/a")]), key([overlay("/a")], host([], 2)));
});

Deno.test("layers are mounted without what could be written to", () => {
  deepStrictEqual(untouchedLayers([overlay("/a:/b")], host())?.mount, {
    kind: "overlay",
    target: "",
    readOnly: true,
    options: ["index=off", "lowerdir=/a:/b"],
  });
  deepStrictEqual(untouchedLayers([overlay("/a")], host())?.mount, {
    kind: "bind",
    target: "",
    readOnly: true,
    recursive: false,
    source: "/a",
  });
});

Deno.test("a rootfs that is more than untouched layers has none to share", () => {
  const bind: RootfsMount = { kind: "bind", target: "", readOnly: true, recursive: true, source: "/r" };
  for (
    const rootfs of [[], [bind], [overlay("/a"), bind], [overlay("/a", "data")], [overlay("a:b")], [
      overlay("/a\\:b"),
    ]]
  ) strictEqual(untouchedLayers(rootfs, host()), undefined);
  strictEqual(untouchedLayers([overlay("/a")], host(["/u"])), undefined);
});
