import { strictEqual, throws } from "node:assert/strict";
import { parseFlags } from "./flags.ts";

Deno.test("flags take their value from the same or the next argument", () => {
  strictEqual(parseFlags(["--run-dir", "/run/x"]).runDir, "/run/x");
  strictEqual(parseFlags(["--log-level=debug"]).logLevel, "debug");
  strictEqual(parseFlags([]).runDir, "/run/kuasar");
  strictEqual(parseFlags(["--help"]).help, true);
});

Deno.test("an unknown flag and a missing value are named", () => {
  throws(() => parseFlags(["--rundir", "x"]), { code: "INVALID_ARGUMENT", message: /--rundir/ });
  throws(() => parseFlags(["--run-dir"]), { code: "INVALID_ARGUMENT", message: /--run-dir needs a value/ });
});
