import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";
import { withAdmin } from "./admin.ts";
import { drawBars } from "./bars.ts";
import { type Command, onlyPositional } from "./command.ts";
import { toJson } from "./json.ts";
import { timelinePage } from "./timeline_page.ts";
import { traceEvents } from "./trace_events.ts";

const DEFAULT_COLUMNS = 100;
const LEAST_BAR_COLUMNS = 20;

/** What stands beside the bars: the name and two numbers. */
const TEXT_COLUMNS = 52;

function toMs(time: Timestamp | undefined): number {
  return time === undefined ? 0 : Number(time.seconds) * 1000 + time.nanos / 1e6;
}

/** Columns of the terminal, or a usual number where there is none. */
function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return DEFAULT_COLUMNS;
  }
}

/** `kuasar-ctl timeline`. */
export const timeline: Command = {
  name: "timeline",
  usage: "timeline ID [--html | --trace]",
  summary: "the phases of a pod's start, drawn",
  flags: {
    "html": { kind: "boolean", help: "As one page that needs nothing from outside" },
    "trace": { kind: "boolean", help: "As Chrome trace events, for Perfetto" },
  },
  examples: [
    { command: "kuasar-ctl timeline 3fa9", does: "Where the time went" },
    { command: "kuasar-ctl timeline 3fa9 --html > start.html", does: "The same as a page" },
    { command: "kuasar-ctl timeline 3fa9 --trace > start.json", does: "To open in https://ui.perfetto.dev" },
  ],
  async run(input) {
    const id = onlyPositional(input, "sandbox id");
    const answer = await withAdmin(input.runDir, (admin, options) => admin.timeline({ id }, options));
    const spans = answer.phases.map((p) => ({ name: p.name, beginMs: toMs(p.begin), endMs: toMs(p.end) }));
    const title = `Start of sandbox ${answer.id}`;
    if (input.flags.html) console.log(timelinePage(title, spans));
    else if (input.flags.trace) console.log(JSON.stringify(traceEvents(title, spans)));
    else if (input.json) console.log(toJson({ id: answer.id, phases: spans }));
    else console.log(drawBars(spans, Math.max(LEAST_BAR_COLUMNS, columns() - TEXT_COLUMNS)));
    return 0;
  },
};
