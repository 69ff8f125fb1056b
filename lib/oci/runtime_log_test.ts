import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { runtimeErrors } from "./runtime_log.ts";

const entry = (level: string, msg: string) => JSON.stringify({ msg, level, time: "2026-01-01T00:00:00Z" });

Deno.test("errors are found in lines and in objects without anything between them", () => {
  const entries = [entry("warning", "w"), entry("error", 'a } "b" {'), entry("error", "last")];
  const expected = ['a } "b" {', "last"];
  deepStrictEqual(runtimeErrors(entries.join("\n") + "\n"), expected);
  deepStrictEqual(runtimeErrors(entries.join("")), expected);
});

Deno.test("youki's errors have other names, and a stack that nobody wants to read", () => {
  const message = "failed to create container: no such file\n\nStack backtrace:\n   0: <unknown>";
  const entries = [
    { timestamp: "2026-01-01T00:00:00Z", level: "ERROR", message, target: "youki" },
    { timestamp: "2026-01-01T00:00:00Z", level: "WARN", message: "w", target: "youki" },
  ];
  deepStrictEqual(runtimeErrors(entries.map((one) => `${JSON.stringify(one)}\n`).join("")), [
    "failed to create container: no such file",
  ]);
});

Deno.test("what is no object does no harm", () => {
  deepStrictEqual(runtimeErrors(""), []);
  deepStrictEqual(runtimeErrors(`panic: "oops\n${entry("error", "e")}`), ["e"]);
  deepStrictEqual(runtimeErrors(`}}{"level":"error"}${entry("error", "e")}{"level":"error","msg":"cut`), [
    "e",
  ]);
});

Deno.test("every message comes back as it was, whatever is in it", () => {
  fc.assert(fc.property(fc.array(fc.string()), fc.constantFrom("", "\n", " "), (messages, between) => {
    deepStrictEqual(runtimeErrors(messages.map((msg) => entry("error", msg)).join(between)), messages);
  }));
  fc.assert(fc.property(fc.string(), (noise) => Array.isArray(runtimeErrors(noise))));
});
