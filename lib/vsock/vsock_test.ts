import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { isSame, isSecret, parseSecretLine, SECRET_LINE_BYTES, secretLine } from "./mod.ts";

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes.toHex());

Deno.test("a line tells its secret, and all have one length", () => {
  fc.assert(fc.property(secrets, (secret) => {
    strictEqual(isSecret(secret), true);
    strictEqual(secretLine(secret).length, SECRET_LINE_BYTES);
    strictEqual(parseSecretLine(secretLine(secret)), secret);
  }));
});

Deno.test("nothing else is a secret line", () => {
  for (const line of ["", "OK\n", "SECRET \n", `SECRET ${"g".repeat(64)}\n`, secretLine("a".repeat(63))]) {
    strictEqual(parseSecretLine(line), undefined);
  }
  strictEqual(isSecret(""), false);
});

Deno.test("bytes are the same or not, as ever", () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  fc.assert(fc.property(bytes, bytes, (a, b) => {
    strictEqual(isSame(a, a.slice()), true);
    strictEqual(isSame(a, b), a.toHex() === b.toHex());
  }));
});
