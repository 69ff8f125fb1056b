import { strictEqual } from "node:assert/strict";
import { manual } from "./man_page.ts";

Deno.test("a manual page has the help of a program and of its commands, and nothing that troff reads otherwise", () => {
  strictEqual(
    manual("tool", "1.0", 0, "tool: does things\n\nUsage: tool COMMAND\n", [
      "tool go: goes\n\nFlags:\n  --far  a \\n\n.x\n",
    ]),
    `.TH TOOL 1 1970-01-01 "Kuasar 1.0" Kuasar
.SH NAME
tool \\- does things
.SH SYNOPSIS
.nf
Usage: tool COMMAND
.fi
.SH COMMANDS
.SS go: goes
.nf
Flags:
  \\-\\-far  a \\en
\\&.x
.fi
.SH SEE ALSO
/usr/share/doc/kuasar/kuasar-ctl.md
`,
  );
});
