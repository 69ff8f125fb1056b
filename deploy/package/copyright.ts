import type { DebianOrigin } from "./debian_origin.ts";

const HEAD = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";

const OURS = `Files: *
Copyright: 2026 the authors of Kuasar in TypeScript
License: Apache-2.0
`;

const APACHE = `License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
`;

const EXPAT = `License: Expat
 Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 documentation files (the "Software"), to deal in the Software without restriction, including without limitation
 the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
 to permit persons to whom the Software is furnished to do so, subject to the following conditions:
 .
 The above copyright notice and this permission notice shall be included in all copies or substantial portions of
 the Software.
 .
 THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
 THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
 CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
 IN THE SOFTWARE.
`;

/** What licences apply to what comes from Debian's packages, and where their sources are. */
function fromDebian(name: string, files: string, origins: readonly DebianOrigin[]): string {
  const listed = [...origins].sort((a, b) => a.name < b.name ? -1 : 1).map((origin) =>
    ` ${origin.name} ${origin.version}, from the source ${origin.source.replace(/ \(= (.*)\)/, " $1")}`
  );
  return `Files: ${files}
Copyright: see /usr/share/doc/${name}/licences
License: of-its-packages
Comment: Taken or built from these packages of Debian:
${listed.join("\n")}

License: of-its-packages
 /usr/share/doc/${name}/licences has what each package says of its copyright and licences. Their sources are in the
 archive of Debian, and for good at https://snapshot.debian.org.
`;
}

/** The file `copyright` of the package with the services. */
export function kuasarCopyright(lib: string, origins: readonly DebianOrigin[]): string {
  const at = (...names: string[]) => names.map((name) => `${lib.slice(1)}/${name}`).join(" ");
  return [
    HEAD,
    OURS,
    `Files: ${at("deno")}
Copyright: 2018-2026 the Deno authors
License: Expat
`,
    `Files: ${at("*.mjs")}
Copyright: 2026 the authors of Kuasar in TypeScript and of the packages named in /usr/share/doc/kuasar/licences/npm
License: Apache-2.0
Comment: Bundles, with packages of npm in them under licences of their own.
`,
    fromDebian("kuasar", at("agent", "vmlinux.bin", "vmlinuz", "kuasar.initrd", "kuasar.img"), origins),
    APACHE,
    EXPAT,
  ].join("\n");
}

/** The file `copyright` of the package with the programs of others. */
export function programsCopyright(prefix: string, origins: readonly DebianOrigin[]): string {
  return [HEAD, OURS, fromDebian("kuasar-programs", `${prefix.slice(1)}/*`, origins), APACHE].join("\n");
}
