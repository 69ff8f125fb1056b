import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { chooseShareKind } from "./share_kind.ts";

Deno.test("under emulation files are shared by 9p, with a note where virtiofs was asked for", () => {
  const { kind, notes } = chooseShareKind("virtiofs", "tcg");
  strictEqual(kind, "9p");
  strictEqual(notes.length, 1);
  deepStrictEqual(chooseShareKind("9p", "tcg"), { kind: "9p", notes: [] });
});

Deno.test("under KVM files are shared as configured", () => {
  deepStrictEqual(chooseShareKind("virtiofs", "kvm"), { kind: "virtiofs", notes: [] });
  deepStrictEqual(chooseShareKind("9p", "kvm"), { kind: "9p", notes: [] });
});
