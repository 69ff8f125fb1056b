import { withAdmin } from "./admin.ts";
import { type Command, onlyPositional } from "./command.ts";
import { toJson } from "./json.ts";
import { podName } from "./pod_name.ts";

/** Details that came as JSON text, as a value; text that is none stays text. */
function parseDetails(text: string): unknown {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return text;
  }
}

/** `kuasar-ctl inspect`. */
export const inspect: Command = {
  name: "inspect",
  usage: "inspect ID",
  summary: "all that is known of one sandbox",
  flags: {},
  examples: [{ command: "kuasar-ctl inspect 3fa9", does: "By any unique prefix of its id" }],
  async run(input) {
    const id = onlyPositional(input, "sandbox id");
    const answer = await withAdmin(input.runDir, (admin, options) => admin.inspect({ id }, options));
    const { summary, consolePath } = answer;
    // Without its secret: people paste this into reports.
    const guest = answer.guest && { kind: answer.guest.kind };
    const details = parseDetails(answer.json);
    if (input.json) {
      console.log(toJson({ ...summary, guest, consolePath, details }));
      return 0;
    }
    const lines: [string, string][] = [
      ["id", summary?.id ?? ""],
      ["pod", summary ? podName(summary) : ""],
      ["driver", summary?.driver ?? ""],
      ["state", summary?.state ?? ""],
      ["pid", String(summary?.pid ?? 0)],
      ["containers", String(summary?.containers ?? 0)],
      ["guest", guest?.kind?.$case === "cid" ? `vsock cid ${guest.kind.value}` : guest?.kind?.value ?? "-"],
      ["console", consolePath || "-"],
    ];
    for (const [key, value] of lines) console.log(`${key.padEnd(12)}${value}`);
    console.log(toJson(details));
    return 0;
  },
};
