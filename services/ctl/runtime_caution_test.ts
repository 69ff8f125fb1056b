import { deepStrictEqual } from "node:assert/strict";
import { runtimeCautions } from "./runtime_caution.ts";

Deno.test("a crun that changes the owner of devices is named, another runtime is not", () => {
  const cautioned = (name: string, version: string) => runtimeCautions(name, version).length > 0;
  const of = (version: string) => cautioned("crun", version);
  deepStrictEqual(["crun 1.8.1", "1.21", "1.23.1", "1.24", "crun 1.25.1", "?"].map(of), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  deepStrictEqual(cautioned("runc", "runc 1.1.5"), false);
});
