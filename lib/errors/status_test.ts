import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { CODES, type ErrorCode, fromStatus, KuasarError, toStatus } from "./mod.ts";

for (const [name, code] of Object.entries(CODES)) {
  Deno.test(`error code ${name} maps to wire status ${code} and back`, () => {
    const status = toStatus(new KuasarError(name as ErrorCode, "Cannot x: y"));
    deepStrictEqual(status, { code, message: "Cannot x: y" });
    strictEqual(fromStatus(status).code, name);
  });
}

Deno.test("evidence survives the wire", () => {
  const back = fromStatus(
    toStatus(new KuasarError("INTERNAL", "Cannot boot: panic", { evidence: ["a", "b"] })),
  );
  strictEqual(back.message, "Cannot boot: panic");
  deepStrictEqual(back.evidence, ["a", "b"]);
});

Deno.test("a foreign error becomes INTERNAL, an unknown wire code UNKNOWN", () => {
  strictEqual(toStatus(new TypeError("boom")).code, CODES.INTERNAL);
  strictEqual(fromStatus({ code: 99, message: "?" }).code, "UNKNOWN");
});

Deno.test("a status without its parts is an error like any other", () => {
  const { code, message } = fromStatus({});
  strictEqual(code, "UNKNOWN");
  strictEqual(message, "no reason given");
  strictEqual(fromStatus({ code: 14 }).code, "UNAVAILABLE");
});
