import type { About } from "./about.ts";

const WIDTH = 78;

/**
 * Debian's changelog: the entries of the newest part of ours.
 *
 * @param changelog the text of CHANGELOG.md
 * @see deb-changelog(5)
 */
export function debianChangelog(
  name: string,
  { version, maintainer, epochS }: About,
  changelog: string,
): string {
  const [, newest = ""] = changelog.split(/^## .*$/m);
  const entries = newest.split(/^- /m).slice(1).map((entry) => wrap(entry.trim().replace(/\s+/g, " ")));
  // RFC 2822's date with Debian's way to write UTC.
  const date = new Date(epochS * 1000).toUTCString().replace("GMT", "+0000");
  return `${name} (${version}) unstable; urgency=medium\n\n${entries.join("")}\n -- ${maintainer}  ${date}\n`;
}

function wrap(text: string): string {
  const lines = ["  *"];
  for (const word of text.split(" ")) {
    if (lines.at(-1)!.length + 1 + word.length > WIDTH && lines.at(-1)!.trim() !== "*") lines.push("   ");
    lines.push(`${lines.pop()} ${word}`);
  }
  return lines.join("\n") + "\n";
}
