import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { kindOf, testFiles, type TestKind, testsOf } from "./test_files.ts";

Deno.test("every test file of the checkout is in one stage of the tests", () => {
  const files = testFiles();
  ok(files.includes("tests/test_files_test.ts"));
  ok(files.includes("tests/e2e/lifecycle_test.ts"));
  const kinds: TestKind[] = ["unit", "vm", "e2e", "parity", "systemd", "host"];
  deepStrictEqual(kinds.flatMap((kind) => testsOf(files, kind)).sort(), [...files].sort());
  for (const kind of kinds) ok(testsOf(files, kind).length > 0, `no test is ${kind}`);
});

Deno.test("a test in a folder that nobody has thought of is a unit test", () => {
  strictEqual(kindOf("new/folder/x_test.ts"), "unit");
  strictEqual(kindOf("tests/guest/task_vm_test.ts"), "vm");
});
