/** A release of Debian as such: not its updates or its security archive, nor what a vendor calls a release. */
const RELEASE = /^(bookworm|trixie|forky|stable|testing|sid|unstable)$/;

/** What apt fetches packages from; a CD is no archive that has other releases too. */
const SCHEME = /^(https?|ftp|file|mirror\+\w+|mirror):/;

/** One `deb [options] URI suite component...` line. */
function ofLine(line: string): string | undefined {
  const match = line.match(/^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/);
  if (!match) return undefined;
  const [, uri, suite, components] = match;
  return isArchive(uri!, [suite!], components!.split(/\s+/)) ? uri : undefined;
}

/** One stanza of the newer format: fields, and lines that go on with the field before. */
function ofStanza(stanza: string): string | undefined {
  const fields = new Map<string, string[]>();
  let words: string[] | undefined;
  for (const line of stanza.split("\n")) {
    if (line.startsWith("#")) continue;
    const field = line.match(/^([A-Za-z-]+):(.*)$/);
    if (field) fields.set(field[1]!.toLowerCase(), words = []);
    words?.push(...(field?.[2] ?? line).split(/\s+/).filter(Boolean));
  }
  const of = (name: string) => fields.get(name) ?? [];
  if (/^(no|false|off|0)$/i.test(of("enabled")[0] ?? "yes") || !of("types").includes("deb")) return undefined;
  return of("uris").find((uri) => isArchive(uri, of("suites"), of("components")));
}

function isArchive(uri: string, suites: readonly string[], components: readonly string[]): boolean {
  return SCHEME.test(uri) && suites.some((suite) => RELEASE.test(suite)) && components.includes("main");
}

/**
 * The Debian archive that a file of apt's sources names first, in either of its formats.
 *
 * @param text of `sources.list`, `x.list` or `x.sources`
 * @returns its URI without a slash at its end; undefined where none has a release's `main`
 * @see sources.list(5)
 */
export function archiveIn(text: string): string | undefined {
  const isStanzas = /^types:/im.test(text);
  const found = isStanzas
    ? text.split(/\n\s*\n/).map(ofStanza).find(Boolean)
    : text.split("\n").map(ofLine).find(Boolean);
  return found?.replace(/\/+$/, "");
}
