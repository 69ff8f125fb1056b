import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { busyboxImage } from "./busybox.ts";
import { ociImage } from "./layout.ts";

/** Name and content of every file of an archive; names of this format's images are short. */
function filesOf(archive: Uint8Array): Map<string, Uint8Array> {
  const text = (from: number, to: number) => new TextDecoder().decode(archive.subarray(from, to));
  const files = new Map<string, Uint8Array>();
  for (let at = 0; archive[at] !== 0;) {
    const size = parseInt(text(at + 124, at + 135), 8);
    files.set(text(at, at + 100).replace(/\0.*$/s, ""), archive.slice(at + 512, at + 512 + size));
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return files;
}

const sha256 = (content: Uint8Array) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

Deno.test("every descriptor of an image finds its blob, from the index down to the layer", () => {
  const files = filesOf(ociImage(
    "docker.io/library/x:kuasar",
    [{ kind: "file", path: "hello", mode: 0o644, content: new TextEncoder().encode("hi"), origin: "" }],
    { Cmd: ["/hello"] },
  ));
  const json = (content: Uint8Array) => JSON.parse(new TextDecoder().decode(content));
  const follow = ({ digest, size }: { digest: string; size: number }): Uint8Array => {
    const content = files.get(`blobs/${digest.replace(":", "/")}`);
    ok(content, digest);
    deepStrictEqual([sha256(content), content.length], [digest, size]);
    return content;
  };
  deepStrictEqual(json(files.get("oci-layout")!), { imageLayoutVersion: "1.0.0" });
  const [entry] = json(files.get("index.json")!).manifests;
  strictEqual(entry.annotations["io.containerd.image.name"], "docker.io/library/x:kuasar");
  const manifest = json(follow(entry));
  const config = json(follow(manifest.config));
  deepStrictEqual(config.config, { Cmd: ["/hello"] });
  const layer = gunzipSync(follow(manifest.layers[0]));
  strictEqual(sha256(layer), config.rootfs.diff_ids[0]);
  strictEqual(new TextDecoder().decode(filesOf(layer).get("hello")), "hi");
});

Deno.test("the same busybox gives the same image", () => {
  const build = () => busyboxImage(new Uint8Array([1, 2, 3]), ["busybox", "ls", "sh"]);
  deepStrictEqual(build(), build());
});
