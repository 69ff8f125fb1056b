import { match, strictEqual, throws } from "node:assert/strict";
import { about } from "./about.ts";

Deno.test("maintainer and time are those of Debian's variables, or of the last commit", () => {
  const names = ["DEBEMAIL", "DEBFULLNAME", "SOURCE_DATE_EPOCH"];
  const before = names.map((name) => Deno.env.get(name));
  try {
    Deno.env.set("DEBEMAIL", "a@b.example");
    Deno.env.set("DEBFULLNAME", "A B");
    Deno.env.set("SOURCE_DATE_EPOCH", "1700000000");
    const made = about("1.0~rc1+2");
    strictEqual(made.maintainer, "A B <a@b.example>");
    strictEqual(made.epochS, 1_700_000_000);
    match(made.architecture, /^(amd64|arm64)$/);
  } finally {
    for (const [index, name] of names.entries()) {
      if (before[index] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[index]);
    }
  }
});

Deno.test("a version that dpkg would not take, or read as one with a revision, is refused", () => {
  for (const version of ["", "v1", "1.0-1", "1:1.0", "1 0", "1_0"]) {
    throws(() => about(version), { code: "INVALID_ARGUMENT" }, version);
  }
});
