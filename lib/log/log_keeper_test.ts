import { match, ok, strictEqual } from "node:assert/strict";
import { LogKeeper } from "./mod.ts";

async function inDir(run: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "klog-" });
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("a log that grows is cut to its last lines while its writer goes on", () =>
  inDir((dir) => {
    const path = `${dir}/vmm.log`;
    using writer = Deno.openSync(path, { create: true, append: true });
    const lines = Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join("");
    writer.writeSync(new TextEncoder().encode(lines));
    const keeper = new LogKeeper();
    keeper.keep(path);
    keeper.trim();
    writer.writeSync(new TextEncoder().encode("after\n"));
    const text = Deno.readTextFileSync(path);
    ok(text.length < 70_000, `${text.length} characters`);
    match(text, /^\[earlier lines were dropped\]\nline \d+\n/);
    ok(text.endsWith("line 199999\nafter\n"));
    keeper.close();
  }));

Deno.test("small logs, missing ones and those that are released are left alone", () =>
  inDir((dir) => {
    const [small, large] = [`${dir}/small`, `${dir}/large`];
    Deno.writeTextFileSync(small, "a\n");
    Deno.writeTextFileSync(large, "x".repeat(2 << 20));
    const keeper = new LogKeeper();
    for (const path of [small, large, `${dir}/missing`]) keeper.keep(path);
    keeper.release(large);
    keeper.trim();
    strictEqual(Deno.readTextFileSync(small), "a\n");
    strictEqual(Deno.statSync(large).size, 2 << 20);
    keeper.close();
  }));

Deno.test("logs are looked at by themselves", () =>
  inDir(async (dir) => {
    const path = `${dir}/log`;
    Deno.writeTextFileSync(path, "x\n".repeat(1 << 20));
    const keeper = new LogKeeper(10);
    keeper.keep(path);
    while (Deno.statSync(path).size > 70_000) await new Promise((resolve) => setTimeout(resolve, 10));
    keeper.release(path);
  }));
