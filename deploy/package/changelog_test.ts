import { strictEqual } from "node:assert/strict";
import { debianChangelog } from "./changelog.ts";

Deno.test("Debian's changelog has the entries of the newest part of ours, wrapped", () => {
  const long = "word ".repeat(20).trim();
  const text =
    `# Changelog\n\n## Unreleased\n\n- First, over\n  two lines.\n- ${long}\n\n## 0.0.1\n\n- Old.\n`;
  const about = { version: "1.0", architecture: "amd64", maintainer: "A B <a@b.example>", epochS: 0 };
  strictEqual(
    debianChangelog("kuasar", about, text),
    `kuasar (1.0) unstable; urgency=medium

  * First, over two lines.
  * ${"word ".repeat(15).trim()}
    ${"word ".repeat(5).trim()}

 -- A B <a@b.example>  Thu, 01 Jan 1970 00:00:00 +0000
`,
  );
});
