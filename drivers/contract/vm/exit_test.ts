import { strictEqual } from "node:assert/strict";
import { statusOf } from "./exit.ts";
import { exitStatus, fromWaitStatus } from "./spawn.ts";

for (
  const [known, reason, expected] of [
    [0, "guest-shutdown", 0],
    [0, "host-qmp-quit", 0],
    [0, "guest-reset", 1],
    [0, "guest-panic", 1],
    [0, undefined, 0],
    [137, "guest-reset", 137],
    [137, undefined, 137],
    [undefined, "guest-shutdown", 0],
    [undefined, "guest-reset", 1],
    [undefined, undefined, 255],
  ] as const
) {
  Deno.test(`a VMM exits with ${known} after ${reason}: the status is ${expected}`, () => {
    const crashed = reason === "guest-reset" || reason === "guest-panic";
    strictEqual(statusOf(known, reason === undefined ? undefined : { reason, crashed }), expected);
  });
}

Deno.test("exits and wait statuses are counted as a shell does", () => {
  strictEqual(exitStatus({ code: 3, signal: null }), 3);
  strictEqual(exitStatus({ code: null, signal: "SIGKILL" }), 137);
  strictEqual(exitStatus({ code: null, signal: null }), undefined);
  strictEqual(fromWaitStatus(3 << 8), 3);
  strictEqual(fromWaitStatus(9), 137);
  strictEqual(fromWaitStatus(0x80 | 6), 134);
});
