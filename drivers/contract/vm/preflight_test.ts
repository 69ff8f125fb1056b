import { match, rejects } from "node:assert/strict";
import type { KuasarError } from "../../../lib/errors/mod.ts";
import { preflight } from "./preflight.ts";

Deno.test("what a start needs is told all at once, with its remedy", async () => {
  const path = await Deno.makeTempFile();
  try {
    const file = { what: "the image", path, remedy: "pad it", alignmentMib: 2 };
    await Deno.truncate(path, 4 * 1024 * 1024);
    await preflight([file]);
    await Deno.truncate(path, 1000);
    await preflight([{ ...file, alignmentMib: 0 }]);
    const missing = { what: "the kernel", path: "/nonexistent", remedy: "build it" };
    await rejects(preflight([file, missing, { ...missing, path: "" }]), (error: KuasarError) => {
      match(error.message, /the image cannot be used: \S+ has 1000 bytes, no multiple of 2 MiB \(pad it\)/);
      match(error.message, /the kernel is missing: .* \(build it\); the kernel is not configured/);
      return error.code === "FAILED_PRECONDITION";
    });
  } finally {
    await Deno.remove(path);
  }
});
