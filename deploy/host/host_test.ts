import { ok } from "node:assert/strict";
import { hostTools, TOOLS } from "./mod.ts";

Deno.test("every tool has a path and a reason", () => {
  const tools = hostTools() as unknown as Record<string, string>;
  for (const tool of TOOLS) {
    ok(tools[tool.key]?.endsWith(tool.path), tool.key);
    ok(tool.whatFor.length > 0 && tool.package.length > 0);
  }
});
