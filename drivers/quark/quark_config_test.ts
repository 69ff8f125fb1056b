import { ok, strictEqual } from "node:assert/strict";
import { configProblem, MANDATORY } from "./quark_config.ts";

Deno.test("Quark's own configuration is whole and for sandboxes, or the reason is told", () => {
  const good: Record<string, unknown> = Object.fromEntries(MANDATORY.map((key) => [key, 1]));
  Object.assign(good, { Sandboxed: true, ShimMode: false });
  const problem = (change: Record<string, unknown>) => configProblem(JSON.stringify({ ...good, ...change }));
  strictEqual(problem({}), undefined);
  for (
    const [found, word] of [
      [configProblem(undefined), "missing"],
      [configProblem("{"), "no JSON"],
      [configProblem("[]"), "no object"],
      [problem({ UringIO: undefined, RDMAPort: undefined }), "lacks UringIO, RDMAPort"],
      [problem({ Sandboxed: false }), '"Sandboxed": true'],
      [problem({ ShimMode: true }), '"ShimMode": false'],
    ] as const
  ) ok(found?.includes(word), `${found}: ${word}`);
});
