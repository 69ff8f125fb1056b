import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { followedIn, followedText } from "./mod.ts";

Deno.test("which limits follow the containers' is read as it was written", () => {
  for (const overheadBytes of [undefined, 0n, 64n]) {
    for (const cpu of [false, true]) {
      deepStrictEqual(followedIn(followedText({ overheadBytes, cpu })), { overheadBytes, cpu });
    }
  }
  strictEqual(followedText({ overheadBytes: 5n, cpu: true }), "memory:5 cpu");
  deepStrictEqual(followedIn("memory:x cpux"), { overheadBytes: undefined, cpu: false });
});
