import { capture } from "../../lib/build/mod.ts";

/**
 * The manual page of kuasar-ctl, from what it says of itself.
 *
 * @param program the bundle
 * @param epochS date of the page, in s since 1970
 * @returns troff
 * @see man(7)
 */
export async function ctlManual(program: string, version: string, epochS: number): Promise<string> {
  const help = (...command: string[]) =>
    capture(Deno.execPath(), ["run", "-A", program, ...command, "--help"]);
  const about = await help();
  const commands = [...about.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name!);
  const texts = await Promise.all(commands.map((name) => help(name)));
  return manual("kuasar-ctl", version, epochS, about, texts);
}

/**
 * @param about the help of the program: `<name>: <summary>`, an empty line, more
 * @param commands the same of each of its commands
 */
export function manual(
  name: string,
  version: string,
  epochS: number,
  about: string,
  commands: readonly string[],
): string {
  const [summary, rest] = parts(about);
  const date = new Date(epochS * 1000).toISOString().slice(0, 10);
  const sections = commands.map((text) => {
    const [first, more] = parts(text);
    return `.SS ${escaped(first.replace(`${name} `, ""))}\n${verbatim(more)}`;
  });
  return `.TH ${name.toUpperCase()} 1 ${date} "Kuasar ${version}" Kuasar
.SH NAME
${escaped(summary.replace(": ", " - "))}
.SH SYNOPSIS
${verbatim(rest)}.SH COMMANDS
${sections.join("")}.SH SEE ALSO
/usr/share/doc/kuasar/kuasar-ctl.md
`;
}

function parts(text: string): [first: string, rest: string] {
  const at = text.indexOf("\n");
  return [text.slice(0, at), text.slice(at).trim()];
}

function verbatim(text: string): string {
  return `.nf\n${text.split("\n").map(escaped).join("\n")}\n.fi\n`;
}

/** Backslashes and hyphens mean something else in troff, as do dots and quotes at the beginning of a line. */
function escaped(line: string): string {
  return line.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/, "\\&");
}
