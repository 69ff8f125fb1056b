/** A step with its times in ms, on any common clock. */
export interface Span {
  name: string;
  beginMs: number;
  endMs: number;
}

/** The eighths of a block, so that a bar's ends are finer than a column. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * Draws spans as bars over one time axis, indented by the parts of their names (`start/driver/boot`).
 *
 * @param width columns of the bars
 */
export function drawBars(spans: readonly Span[], width: number): string {
  if (spans.length === 0) return "no phases";
  const begin = Math.min(...spans.map((s) => s.beginMs));
  const end = Math.max(...spans.map((s) => s.endMs), begin + 0.001);
  const label = (span: Span) => {
    const parts = span.name.split("/");
    return "  ".repeat(parts.length - 1) + parts.at(-1);
  };
  const labelWidth = Math.max(...spans.map((s) => label(s).length));
  const ms = (value: number) => `${value.toFixed(1)} ms`.padStart(11);
  return spans.map((span) => {
    const column = (at: number) => (at - begin) / (end - begin) * width;
    const start = Math.min(Math.floor(column(span.beginMs)), width - 1);
    const eighths = Math.max(1, Math.round((column(Math.max(span.endMs, span.beginMs)) - start) * 8));
    const full = Math.min(Math.floor(eighths / 8), width - start);
    const bar = "█".repeat(full) + (start + full < width ? EIGHTHS[eighths % 8] : "");
    const line = " ".repeat(start) + bar;
    return `${label(span).padEnd(labelWidth)} ${ms(span.beginMs - begin)} ${
      ms(span.endMs - span.beginMs)
    }  ${line}`
      .trimEnd();
  }).join("\n");
}
