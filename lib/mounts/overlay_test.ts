import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { MS } from "../libc/mod.ts";
import { overlayMount } from "./overlay.ts";

Deno.test("flags are told from data", () => {
  const { flags, data, cwd } = overlayMount(
    ["ro", "lowerdir=/a:/b", "index=off", "noatime"],
    MS.NOSUID | MS.NODEV,
  );
  strictEqual(flags, MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOATIME);
  deepStrictEqual([data, cwd], ["lowerdir=/a:/b,index=off", undefined]);
});

Deno.test("the lower directories of many layers become relative", () => {
  const layers = Array.from({ length: 120 }, (_, i) => `/var/lib/containerd/snapshots/${i}/fs`);
  const { data, cwd } = overlayMount([`lowerdir=${layers.join(":")}`, "upperdir=/u", "workdir=/w"]);
  strictEqual(cwd, "/var/lib/containerd/snapshots/");
  ok(data.startsWith("lowerdir=0/fs:1/fs:") && data.endsWith(",upperdir=/u,workdir=/w"));
});

Deno.test("relative or not, the layers stay the same and fit the kernel's page", () => {
  const name = fc.stringMatching(/^[a-z]{1,30}$/);
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => "/base/" + names.join("/"));
  fc.assert(fc.property(fc.array(path, { minLength: 1, maxLength: 120 }), (layers) => {
    let found;
    try {
      found = overlayMount([`lowerdir=${layers.join(":")}`]);
    } catch {
      return; // too long even so
    }
    ok(found.data.length <= 4095);
    deepStrictEqual(
      found.data.slice("lowerdir=".length).split(":").map((l) => (found.cwd ?? "") + l),
      layers,
    );
  }));
});

Deno.test("what cannot be made to fit is refused", () => {
  const layers = Array.from({ length: 60 }, (_, i) => `/${"x".repeat(100)}${i}/fs`);
  throws(() => overlayMount([`lowerdir=${layers.join(":")}`]), {
    code: "RESOURCE_EXHAUSTED",
    message: /60 layers/,
  });
  throws(() => overlayMount(["x".repeat(5000)]), { code: "RESOURCE_EXHAUSTED" });
});
