import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { archiveIn } from "./apt_sources.ts";

Deno.test("the archive is found in the format of one line", () => {
  const text = [
    "# deb http://old.example/debian bookworm main",
    "deb cdrom:[Debian 12]/ bookworm main",
    "deb http://security.example/debian-security bookworm-security main",
    "deb-src http://sources.example/debian bookworm main",
    "deb [signed-by=/k.gpg arch=amd64] https://one.example/mirror/debian/ bookworm main contrib",
    "deb https://two.example/debian bookworm main",
  ].join("\n");
  strictEqual(archiveIn(text), "https://one.example/mirror/debian");
});

Deno.test("the archive is found in the format of stanzas", () => {
  const text = `# comment
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb deb-src
URIs:
 mirror+file:///etc/apt/mirrors/debian.list
# a comment inside
Suites: bookworm bookworm-updates
Components: main
`;
  strictEqual(archiveIn(text), "mirror+file:///etc/apt/mirrors/debian.list");
});

Deno.test("a vendor's own repository is not taken for Debian's", () => {
  strictEqual(archiveIn("deb https://packages.example/tool ./\n"), undefined);
  strictEqual(archiveIn("deb https://packages.example/tool stable stable\n"), undefined);
  strictEqual(archiveIn("deb https://packages.example/tool nodistro main\n"), undefined);
});

Deno.test("any text has an answer", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const uri = archiveIn(text);
    strictEqual(uri === undefined || text.includes(uri), true);
  }));
});
