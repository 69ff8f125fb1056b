import { withAdmin } from "./admin.ts";
import type { Command } from "./command.ts";
import { toJson } from "./json.ts";
import { podName } from "./pod_name.ts";
import { age, textTable } from "./text_table.ts";

/** So many characters of an id are shown; any unique prefix is accepted. */
const SHOWN_ID = 13;

/** `kuasar-ctl list`. */
export const list: Command = {
  name: "list",
  alias: "ps",
  usage: "list",
  summary: "the sandboxes of this node",
  flags: {},
  examples: [
    { command: "kuasar-ctl list", does: "A table" },
    { command: "kuasar-ctl list --json", does: "Everything, for programs" },
  ],
  async run({ runDir, json }) {
    const { sandboxes } = await withAdmin(runDir, (admin, options) => admin.list({}, options));
    if (json) console.log(toJson(sandboxes));
    else {
      const rows = sandboxes.map((s) => [
        s.id.slice(0, SHOWN_ID),
        podName(s),
        s.driver,
        s.state,
        s.pid ? String(s.pid) : "-",
        String(s.containers),
        s.createdAt ? age(Date.now() - Number(s.createdAt.seconds) * 1000) : "-",
      ]);
      console.log(textTable(["ID", "POD", "DRIVER", "STATE", "PID", "CONTAINERS", "AGE"], rows));
    }
    return 0;
  },
};
