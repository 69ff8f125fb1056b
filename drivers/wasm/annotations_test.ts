import { strictEqual, throws } from "node:assert/strict";
import { declaredKind, timeLimitMs } from "./annotations.ts";

Deno.test("run.oci.handler wins over the image's variant", () => {
  const variant = { "module.wasm.image/variant": "compat-smart" };
  strictEqual(declaredKind({}), undefined);
  strictEqual(declaredKind(variant), "smart");
  strictEqual(declaredKind({ ...variant, "run.oci.handler": "wasm" }), "wasm");
  strictEqual(declaredKind({ "run.oci.handler": "wasm-smart" }), "smart");
  strictEqual(declaredKind({ "module.wasm.image/variant": "compat" }), "wasm");
});

Deno.test("a handler that is none of ours is refused", () => {
  throws(() => declaredKind({ "run.oci.handler": "krun" }), {
    code: "INVALID_ARGUMENT",
    message: /wasm, wasm-smart, is "krun"/,
  });
});

Deno.test("an annotation shortens the time limit, and cannot lengthen it", () => {
  const limit = (text: string, configured: number) =>
    timeLimitMs({ "io.kuasar.wasm.time_limit_ms": text }, configured);
  strictEqual(timeLimitMs({}, 0), 0);
  strictEqual(timeLimitMs({}, 500), 500);
  strictEqual(limit("100", 0), 100);
  strictEqual(limit("100", 500), 100);
  strictEqual(limit("1000", 500), 500);
  for (const wrong of ["", "0", "-1", "1s", "1e3", "99999999999"]) {
    throws(() => limit(wrong, 0), { code: "INVALID_ARGUMENT" });
  }
});
