import { strictEqual } from "node:assert/strict";
import { MAGIC_BYTES, probeFilesystem } from "./filesystem_magic.ts";

Deno.test("file systems are known by their magic numbers", () => {
  const at = (offset: number, text: string | number[]) => {
    const head = new Uint8Array(MAGIC_BYTES);
    head.set(typeof text === "string" ? new TextEncoder().encode(text) : text, offset);
    return probeFilesystem(head);
  };
  strictEqual(at(1080, [0x53, 0xef]), "ext4");
  strictEqual(at(0, "XFSB"), "xfs");
  strictEqual(at(65600, "_BHRfS_M"), "btrfs");
  strictEqual(at(1024, [0xe2, 0xe1, 0xf5, 0xe0]), "erofs");
  strictEqual(at(0, "hsqs"), "squashfs");
  strictEqual(at(0, "none"), undefined);
  strictEqual(probeFilesystem(new Uint8Array(3)), undefined);
});
