import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { hostTools } from "../deploy/host/mod.ts";
import type { Entry } from "./entry.ts";
import { IMAGE_ALIGNMENT, writeErofs } from "./erofs.ts";

const ENTRIES: Entry[] = [
  { kind: "directory", path: "bin", mode: 0o755, origin: "" },
  { kind: "file", path: "bin/a", mode: 0o755, content: new Uint8Array(70_000).fill(7), origin: "" },
  { kind: "link", path: "init", mode: 0o777, target: "bin/a", origin: "" },
];

Deno.test("the same entries give the same image, whenever and wherever it is made", async () => {
  const mkfs = hostTools().mkfsErofs;
  if (!await Deno.stat(mkfs).catch(() => undefined)) return console.log("skipped: no mkfs.erofs yet");
  const dir = await Deno.makeTempDir();
  try {
    const image = async (name: string) => {
      await writeErofs(mkfs, ENTRIES, `${dir}/${name}`, `${dir}/${name}.img`);
      return await Deno.readFile(`${dir}/${name}.img`);
    };
    const first = await image("first");
    strictEqual(first.length, IMAGE_ALIGNMENT);
    deepStrictEqual(await image("a-longer-name"), first);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
