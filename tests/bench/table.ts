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
  return table(
    ["what", "value", "aim", "met"],
    rows.map(({ what, value, aim = "", met }) => [what, value, aim, mark(met)]),
  );
}

/** One line of a comparison. */
export interface Comparison {
  what: string;
  ours: string;
  theirs: string;
  /** Ours as a part of theirs. */
  share: string;
  aim?: string;
  met?: boolean;
}

/** A comparison as a Markdown table. */
export function comparisonTable(rows: readonly Comparison[]): string {
  return table(
    ["what", "ours", "theirs", "ours / theirs", "aim", "met"],
    rows.map(({ what, ours, theirs, share, aim = "", met }) => [what, ours, theirs, share, aim, mark(met)]),
  );
}

function mark(met: boolean | undefined): string {
  return met === undefined ? "" : met ? "yes" : "no";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(3, ...all.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((w) => "-".repeat(w))), ...rows.map(line)].join("\n");
}
