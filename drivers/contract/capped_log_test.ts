import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { exists } from "../../lib/files/mod.ts";
import { mount, UMOUNT, unmount } from "../../lib/libc/mod.ts";
import { CappedLog } from "./capped_log.ts";

Deno.test("a capped log keeps the end and never grows beyond twice its limit", () => {
  const dir = Deno.makeTempDirSync();
  try {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (chunks) => {
        const path = `${dir}/console.log`;
        for (const name of [path, `${path}.1`]) {
          try {
            Deno.removeSync(name);
          } catch { /* not there */ }
        }
        const log = new CappedLog(path, 16);
        for (const chunk of chunks) log.write(chunk);
        log.close();
        log.close();
        const all = chunks.flatMap((c) => [...c]);
        const older = exists(`${path}.1`) ? [...Deno.readFileSync(`${path}.1`)] : [];
        const kept = [...older, ...Deno.readFileSync(path)];
        ok(kept.length <= 32);
        deepStrictEqual(kept, all.slice(all.length - kept.length));
        ok(kept.length >= Math.min(all.length, 16));
      }),
      { numRuns: 50 },
    );
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("a capped log goes on where it was left, readable by its owner only", () => {
  const dir = Deno.makeTempDirSync();
  try {
    for (const text of ["one", "two"]) {
      const log = new CappedLog(`${dir}/log`, 100);
      log.write(new TextEncoder().encode(text));
      log.close();
    }
    strictEqual(Deno.readTextFileSync(`${dir}/log`), "onetwo");
    strictEqual(Deno.statSync(`${dir}/log`).mode! & 0o777, 0o600);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("a full disk is not tested: only root can mount one");
Deno.test({
  name: "what has no room on a full disk is dropped, what comes later is there",
  ignore: !isRoot,
  fn() {
    const disk = Deno.makeTempDirSync();
    mount({ source: "tmpfs", target: disk, type: "tmpfs", data: "size=64k" });
    try {
      const log = new CappedLog(`${disk}/log`, 1 << 20);
      log.write(new TextEncoder().encode("before\n"));
      throws(() => Deno.writeFileSync(`${disk}/rest`, new Uint8Array(1 << 20)));
      log.write(new Uint8Array(128 << 10));
      Deno.removeSync(`${disk}/rest`);
      log.write(new TextEncoder().encode("after\n"));
      log.close();
      const text = Deno.readTextFileSync(`${disk}/log`);
      ok(text.startsWith("before\n") && text.endsWith("after\n"), text);
    } finally {
      unmount(disk, UMOUNT.DETACH);
      Deno.removeSync(disk);
    }
  },
});
