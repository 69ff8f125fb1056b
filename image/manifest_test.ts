import { deepStrictEqual } from "node:assert/strict";
import { manifest } from "./manifest.ts";

Deno.test("the manifest has size, digest and origin of a file and the target of a link", () => {
  const rows = JSON.parse(manifest([
    { kind: "file", path: "a", mode: 0o644, content: new Uint8Array(), origin: "crun 1.21-1" },
    { kind: "link", path: "b", mode: 0o777, target: "a", origin: "kuasar" },
  ]));
  deepStrictEqual(rows, [
    {
      path: "/a",
      kind: "file",
      mode: "0644",
      origin: "crun 1.21-1",
      size: 0,
      sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    { path: "/b", kind: "link", mode: "0777", origin: "kuasar", target: "a" },
  ]);
});
