import type { CheckResult, HostReport } from "./run_host.ts";

function cell(result: CheckResult | undefined): string {
  if (result === undefined) return "";
  const { seconds, note, problem } = result;
  if (problem !== undefined) return `FAILED: ${problem.split("\n")[0]}`;
  return `${seconds.toFixed(0)} s${note && `; ${note}`}`;
}

/** The reports side by side, in Markdown: a row for each version and check, a column for each host. */
export function table(reports: readonly HostReport[]): string {
  const names = (of: (report: HostReport) => string[]) => [...new Set(reports.flatMap(of))];
  const rows = [
    ["", ...reports.map(({ suite }) => suite.name)],
    ...names(({ versions }) => Object.keys(versions)).map((name) => [
      name,
      ...reports.map(({ versions }) => versions[name] ?? ""),
    ]),
    ...names(({ results }) => results.map(({ name }) => name)).map((name) => [
      name,
      ...reports.map(({ results }) => cell(results.find((result) => result.name === name))),
    ]),
    ["CPU time of the machine", ...reports.map(({ cpuSeconds }) => `${cpuSeconds.toFixed(0)} s`)],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line), ""].join("\n");
}
