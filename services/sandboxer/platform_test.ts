import { deepStrictEqual } from "node:assert/strict";
import { guestPlatform } from "./platform.ts";

Deno.test("architectures have Go's names", () => {
  deepStrictEqual(["x86_64", "aarch64", "other"].map((arch) => guestPlatform(arch).architecture), [
    "amd64",
    "arm64",
    "other",
  ]);
});
