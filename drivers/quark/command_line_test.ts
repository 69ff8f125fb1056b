import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { pidIn, sandboxArgs } from "./command_line.ts";

Deno.test("a sandbox is started with the documented flags, and its pid is a number and nothing else", () => {
  deepStrictEqual(sandboxArgs({ id: "s1", bundle: "/b", taskSocket: "/t.sock", pidFile: "/p" }), [
    "-r",
    "/b",
    "sandbox",
    "--id",
    "s1",
    "--task-socket",
    "/t.sock",
    "--pid-file",
    "/p",
  ]);
  strictEqual(pidIn("4711"), 4711);
  for (const text of ["", "0", "-1", "47x", "12345678901", " 1"]) strictEqual(pidIn(text), undefined, text);
});
