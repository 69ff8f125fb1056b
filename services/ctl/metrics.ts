import { withAdmin } from "./admin.ts";
import type { Command } from "./command.ts";
import { toJson } from "./json.ts";

/** `kuasar-ctl metrics`. */
export const metrics: Command = {
  name: "metrics",
  usage: "metrics",
  summary: "the node's metrics in Prometheus' text format",
  flags: {},
  examples: [{
    command: "kuasar-ctl metrics > /var/lib/node_exporter/kuasar.prom",
    does: "For node_exporter's textfile collector, from a timer",
  }],
  async run({ runDir, json }) {
    const { text } = await withAdmin(runDir, (admin, options) => admin.metrics({}, options));
    if (json) console.log(toJson({ text }));
    else await Deno.stdout.write(new TextEncoder().encode(text));
    return 0;
  },
};
