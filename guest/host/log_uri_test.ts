import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../lib/errors/mod.ts";
import { logTargetOf } from "./log_uri.ts";

Deno.test("an output is a FIFO, a file or a program with arguments", () => {
  deepStrictEqual(logTargetOf("/run/c/stdout"), { kind: "fifo", path: "/run/c/stdout" });
  deepStrictEqual(logTargetOf("fifo:///run/c/stdout"), { kind: "fifo", path: "/run/c/stdout" });
  deepStrictEqual(logTargetOf("file:///var/log/a%20b.log"), { kind: "file", path: "/var/log/a b.log" });
  deepStrictEqual(logTargetOf("binary:///usr/bin/nerdctl?_NERDCTL_INTERNAL_LOGGING=%2Fvar%2Flib%2Fx"), {
    kind: "program",
    argv: ["/usr/bin/nerdctl", "_NERDCTL_INTERNAL_LOGGING", "/var/lib/x"],
  });
  deepStrictEqual(logTargetOf("binary:///bin/x?a&b=c+d&e="), {
    kind: "program",
    argv: ["/bin/x", "a", "", "b", "c d", "e", ""],
  });
  deepStrictEqual(logTargetOf("binary:///bin/x"), { kind: "program", argv: ["/bin/x"] });
});

Deno.test("what is no such place is refused", () => {
  for (const bad of ["http://host/x", "binary:x", "file://host/x", "file:", "binary:///bin/x?a=%zz"]) {
    throws(() => logTargetOf(bad), { code: "INVALID_ARGUMENT", message: /^Cannot log to / });
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    try {
      logTargetOf(text);
    } catch (error) {
      if (!(error instanceof KuasarError)) throw error;
    }
  }));
});
