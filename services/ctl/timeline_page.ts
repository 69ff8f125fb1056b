import type { Span } from "./bars.ts";

const ROW_PX = 26, LABEL_PX = 230, CHART_PX = 700, TIME_PX = 100, AXIS_PX = 24;

/** So many lines divide the time axis. */
const TICKS = 5;

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => names[char]!);
}

const ms = (value: number) => `${value.toFixed(1)} ms`;

/**
 * One page with the phases as bars over a time axis. It needs nothing from outside and runs no program; both colour
 * schemes have their colours, and what a bar shows stands beside it as text.
 *
 * @param title what was started
 */
export function timelinePage(title: string, spans: readonly Span[]): string {
  const begin = spans.length === 0 ? 0 : Math.min(...spans.map(({ beginMs }) => beginMs));
  const length = Math.max(begin, ...spans.map(({ endMs }) => endMs)) - begin;
  const x = (at: number) => LABEL_PX + (length > 0 ? (at - begin) / length : 0) * CHART_PX;
  const height = AXIS_PX + ROW_PX * spans.length;
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => {
    const at = begin + length * i / TICKS;
    return `<line x1="${x(at)}" x2="${x(at)}" y1="${AXIS_PX - 6}" y2="${height}"/>` +
      `<text class="tick" x="${x(at)}" y="12">${ms(at - begin)}</text>`;
  });
  const rows = spans.map(({ name, beginMs, endMs }, i) => {
    const parts = name.split("/");
    const y = AXIS_PX + i * ROW_PX;
    const took = Math.max(0, endMs - beginMs);
    return `<g><title>${escaped(name)}: ${ms(took)}, from ${ms(beginMs - begin)}</title>` +
      `<text x="${(parts.length - 1) * 14}" y="${y + 17}">${escaped(parts.at(-1)!)}</text>` +
      `<rect class="d${Math.min(parts.length, 3)}" x="${x(beginMs)}" y="${y + 4}" height="${ROW_PX - 8}" ` +
      `width="${Math.max(1, x(beginMs + took) - x(beginMs))}"/>` +
      `<text class="took" x="${LABEL_PX + CHART_PX + TIME_PX}" y="${y + 17}">${ms(took)}</text></g>`;
  });
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark; --text: #1b1f24; --line: #c9d1d9; --d1: #0b5cad; --d2: #2f7d32; --d3: #9a5b00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --line: #3d444d; --d1: #6cb2ff; --d2: #7ccf80; --d3: #f0b35a; }
}
body { font: 14px/1.4 system-ui, sans-serif; color: var(--text); margin: 2rem; }
svg { max-width: 100%; height: auto; }
text { fill: var(--text); font-size: 13px; }
.tick { text-anchor: middle; font-size: 11px; }
.took { text-anchor: end; }
line { stroke: var(--line); }
.d1 { fill: var(--d1); } .d2 { fill: var(--d2); } .d3 { fill: var(--d3); }
</style>
<h1>${escaped(title)}</h1>
<p>${spans.length} phases in ${ms(length)}</p>
<svg role="img" aria-label="${escaped(title)}" viewBox="0 0 ${LABEL_PX + CHART_PX + TIME_PX} ${height}"
  width="${LABEL_PX + CHART_PX + TIME_PX}">
${ticks.join("\n")}
${rows.join("\n")}
</svg>
</html>
`;
}
