import { throws } from "node:assert/strict";
import { applyPlan } from "./apply_plan.ts";
import { ATTACHMENTS } from "./guest_paths.ts";
import { sandboxPaths } from "./paths.ts";
import { emptyPlan } from "./plan.ts";

Deno.test("a link that has taken the place of a volume since it was looked at leads nowhere", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const [tree, shared] = [`${dir}/tree`, `${dir}/shared`];
    for (const path of [tree, shared, `${dir}/volume`, `${dir}/elsewhere/volume`]) {
      Deno.mkdirSync(path, { recursive: true });
    }
    Deno.symlinkSync(`${dir}/elsewhere`, `${dir}/parent`);
    for (const [index, source] of [`${dir}/parent/volume`, `${dir}/parent`].entries()) {
      const volume = { source, place: `${ATTACHMENTS}/${index}`, isDirectory: true, recursive: true };
      const plan = emptyPlan();
      plan.volumes.push({ ...volume, mode: "rw", propagation: "private" });
      Deno.removeSync(tree, { recursive: true });
      const sandbox = sandboxPaths(`${dir}/run`, "s1");
      throws(() => applyPlan(plan, { ociVersion: "1.2.1" }, { tree, shared }, sandbox), {
        errnoName: "ELOOP",
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
