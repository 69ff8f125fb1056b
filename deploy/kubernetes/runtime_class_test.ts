import { deepStrictEqual, match, ok } from "node:assert/strict";
import { allHandlers } from "../drivers.ts";
import { runtimeClass, runtimeClasses } from "./runtime_class.ts";

Deno.test("every handler has a RuntimeClass of its name, which Kubernetes accepts", () => {
  const classes = runtimeClasses();
  deepStrictEqual([...classes.keys()], allHandlers().map((handler) => `${handler}.yaml`));
  for (const [file, text] of classes) {
    const handler = file.replace(/\.yaml$/, "");
    // Names and handlers are DNS labels (Kubernetes' validation of RuntimeClass).
    match(handler, /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    ok(text.includes(`\nhandler: ${handler}\n`) && text.includes(`\n  name: ${handler}\n`), text);
  }
});

Deno.test("only pods in VMs have an overhead", () => {
  match(runtimeClass("a", { vm: true }), /\noverhead:\n {2}podFixed:\n {4}memory: \d+Mi\n/);
  ok(!runtimeClass("a", { vm: false }).includes("overhead"));
});
