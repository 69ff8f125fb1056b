import { strictEqual, throws } from "node:assert/strict";
import { claimDir } from "./claimed_dir.ts";

Deno.test("each has a directory of its own, and one that is free again is taken first", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kc-" });
  const base = `${dir}/run`;
  try {
    const [first, second, third] = [claimDir(base), claimDir(base), claimDir(base)];
    strictEqual([first, second, third].map(({ path }) => path.slice(dir.length)).join(), "/run,/run1,/run2");
    // As at the end of its owner, and at the end of one that was killed.
    await Deno.remove(first.path);
    first.release();
    second.release();
    const again = [claimDir(base), claimDir(base)];
    strictEqual(again.map(({ path }) => path.slice(dir.length)).join(), "/run,/run1");
    const rest = Array.from({ length: 7 }, () => claimDir(base));
    throws(() => claimDir(base), { code: "RESOURCE_EXHAUSTED" });
    for (const claimed of [third, ...again, ...rest]) claimed.release();
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
