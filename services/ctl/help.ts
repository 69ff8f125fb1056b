import type { FlagTable } from "../../lib/service/mod.ts";
import type { Command } from "./command.ts";
import { textTable } from "./text_table.ts";

/** The text of `kuasar-ctl --help`. */
export function programHelp(commands: readonly Command[]): string {
  const rows = commands.map((
    c,
  ) => [`  ${c.name}`, c.summary + (c.alias === undefined ? "" : ` (also: ${c.alias})`)]);
  return `kuasar-ctl: runs pods, looks into the sandboxes of a node and at the node itself

Usage: kuasar-ctl COMMAND [ARGUMENTS]

${textTable(["Commands:", ""], rows)}

"kuasar-ctl COMMAND --help" tells more. An ID may be any unique prefix.`;
}

/** The text of `kuasar-ctl COMMAND --help`. */
export function commandHelp(command: Command, common: FlagTable): string {
  const rows = Object.entries({ ...command.flags, ...common }).map(([name, flag]) => {
    const value = flag.kind === "boolean" ? "" : ` ${flag.placeholder ?? "VALUE"}`;
    const fallback = flag.default === undefined || flag.default === false
      ? ""
      : ` [default: ${flag.default}]`;
    return [`  --${name}${value}`, flag.help + fallback];
  });
  const examples = command.examples.flatMap(({ command, does }) => [`  # ${does}`, `  ${command}`]);
  return `kuasar-ctl ${command.name}: ${command.summary}

Usage: kuasar-ctl ${command.usage}

${textTable(["Flags:", ""], rows)}

Examples:
${examples.join("\n")}`;
}
