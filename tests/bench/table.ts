/** One line of the result. */
export interface Row {
  what: string;
  value: string;
  /** What we aim at, where the project has said so. */
  aim?: string;
  /** Whether the aim is met. */
  met?: boolean;
}

/** The rows as a Markdown table, with a mark where an aim is missed. */
export function markdownTable(rows: readonly Row[]): string {
  const cells = rows.map((
    r,
  ) => [r.what, r.value, r.aim ?? "", r.met === undefined ? "" : r.met ? "yes" : "no"]);
  const all = [["what", "value", "aim", "met"], ...cells];
  const widths = [0, 1, 2, 3].map((i) => Math.max(3, ...all.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(all[0]!), line(widths.map((w) => "-".repeat(w))), ...all.slice(1).map(line)].join("\n");
}
