import { deepStrictEqual } from "node:assert/strict";
import { NodeMetrics } from "../../services/sandboxer/node_metrics.ts";
import { Registry } from "../../services/sandboxer/registry.ts";
import { root } from "../root.ts";

Deno.test("docs/metrics.md lists every metric with its type", async () => {
  const dir = await Deno.makeTempDir({ prefix: "km-" });
  try {
    const registry = new Registry(`${dir}/state.db`);
    const text = new NodeMetrics().text(registry);
    registry.close();
    const served = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const page = await Deno.readTextFile(`${root}/docs/metrics.md`);
    const listed = [...page.matchAll(/^\| `(\w+)` +\| (\w+) /gm)].map(([, name, type]) => `${name} ${type}`);
    deepStrictEqual(listed.sort(), served.sort());
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
