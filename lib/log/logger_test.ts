import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { captureLog, formatLine, logger, setLogLevel } from "./mod.ts";

Deno.test("a line is logfmt and carries the fields of its logger", () => {
  const lines: string[] = [];
  const undo = captureLog((line) => lines.push(line));
  try {
    logger("network").with({ sandbox: "s1" }).info("Attached the pod", { nics: 2, none: undefined });
    logger("network").debug("not shown");
    setLogLevel("debug");
    logger("network").debug("shown", { error: new Error("a b") });
  } finally {
    setLogLevel("info");
    undo();
  }
  strictEqual(lines.length, 2);
  ok(lines[0]!.endsWith('level=info name=network msg="Attached the pod" sandbox=s1 nics=2\n'), lines[0]!);
  ok(lines[1]!.endsWith('msg=shown error="a b"\n'), lines[1]!);
});

Deno.test("no value breaks out of its line or makes it endless", () => {
  fc.assert(fc.property(fc.anything(), (value) => {
    const line = formatLine({ value });
    strictEqual(line.indexOf("\n"), value === undefined ? line.indexOf("\n") : line.length - 1);
  }));
  ok(formatLine({ value: "x".repeat(1 << 20) }).length < 3000);
});
