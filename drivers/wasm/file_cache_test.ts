import { rejects, strictEqual } from "node:assert/strict";
import { logger } from "../../lib/log/mod.ts";
import { FileCache } from "./file_cache.ts";

const key = (digit: string) => digit.repeat(64);

async function withCache(limit: number, run: (cache: FileCache, folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await run(new FileCache(folder, ".wasm", limit, logger("test")), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function add(cache: FileCache, folder: string, digit: string, size: number, usedAt: number) {
  await Deno.writeFile(`${folder}/new`, new Uint8Array(size));
  const path = await cache.add(key(digit), `${folder}/new`);
  await Deno.utime(path, usedAt, usedAt);
}

Deno.test("what was added is found", () =>
  withCache(100, async (cache, folder) => {
    strictEqual(await cache.find(key("a")), undefined);
    await add(cache, folder, "a", 10, 1);
    strictEqual(await cache.find(key("a")), `${folder}/${key("a")}.wasm`);
  }));

Deno.test("the least recently used goes first, what is not ours stays", () =>
  withCache(100, async (cache, folder) => {
    await Deno.writeFile(`${folder}/other`, new Uint8Array(1000));
    await add(cache, folder, "a", 40, 1000);
    await add(cache, folder, "b", 40, 2000);
    await cache.find(key("a"));
    await add(cache, folder, "c", 40, 3000);
    strictEqual(await cache.find(key("b")), undefined);
    strictEqual(await cache.find(key("a")) !== undefined, true);
    strictEqual(await cache.find(key("c")) !== undefined, true);
    strictEqual((await Deno.stat(`${folder}/other`)).size, 1000);
  }));

Deno.test("what is larger than the cache is refused", () =>
  withCache(100, async (cache, folder) => {
    await rejects(add(cache, folder, "a", 101, 1), { code: "RESOURCE_EXHAUSTED" });
  }));
