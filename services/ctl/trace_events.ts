import type { Span } from "./bars.ts";

/**
 * The phases as Chrome trace events, which Perfetto and chrome://tracing open: each a complete event, in µs since the
 * first.
 *
 * @param name what was started
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export function traceEvents(name: string, spans: readonly Span[]): object {
  const begin = Math.min(...spans.map(({ beginMs }) => beginMs));
  const us = (ms: number) => Math.round(ms * 1000);
  return {
    displayTimeUnit: "ms",
    traceEvents: [
      { name: "process_name", ph: "M", pid: 1, tid: 1, args: { name } },
      ...spans.map((span, index) => ({
        name: span.name.split("/").at(-1),
        cat: span.name.split("/")[0],
        ph: "X",
        pid: 1,
        // Events of one track nest, and phases beside each other may overlap: each has a track of its own.
        tid: index + 1,
        ts: us(span.beginMs - begin),
        dur: us(Math.max(0, span.endMs - span.beginMs)),
        args: { phase: span.name },
      })),
    ],
  };
}
