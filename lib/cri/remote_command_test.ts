import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseStatus } from "./remote_command.ts";

Deno.test("a Success status is exit code 0", () => {
  deepStrictEqual(parseStatus(`{"metadata":{},"status":"Success"}`), { exitCode: 0 });
});

Deno.test("a NonZeroExitCode status carries the code", () => {
  const status = {
    status: "Failure",
    reason: "NonZeroExitCode",
    message: "command terminated with non-zero exit code",
    details: { causes: [{ reason: "ExitCode", message: "42" }] },
  };
  deepStrictEqual(parseStatus(JSON.stringify(status)), { exitCode: 42 });
});

Deno.test("any other failure keeps its message", () => {
  deepStrictEqual(parseStatus(`{"status":"Failure","message":"no such container"}`), {
    exitCode: -1,
    failure: "no such container",
  });
});

Deno.test("no text makes parseStatus throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.json()),
      (text) => strictEqual(typeof parseStatus(text).exitCode, "number"),
    ),
  );
});
