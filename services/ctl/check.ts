import type { Command } from "./command.ts";
import { type Finding, hostFacts, judgeHost } from "./host_facts.ts";
import { toJson } from "./json.ts";
import { readInstallation } from "./installation.ts";
import { checkInstallation } from "./installed_check.ts";
import { textTable } from "./text_table.ts";
import { checkPrograms } from "./program_check.ts";
import { checkTools } from "./tool_check.ts";

/** The findings as a table, then what to do. */
export function report(findings: readonly Finding[]): string {
  const table = textTable(["", "WHAT", "FOUND"], findings.map((f) => [f.verdict, f.what, f.detail]));
  const remedies = findings.filter((f) => f.remedy !== undefined);
  if (remedies.length === 0) return `${table}\n\nEverything is there.`;
  return `${table}\n\n${remedies.map((f) => `${f.what}: ${f.remedy}`).join("\n")}`;
}

/** `kuasar-ctl check`. */
export const check: Command = {
  name: "check",
  alias: "doctor",
  usage: "check",
  summary: "what this host can do, what is missing and how to get it",
  flags: {},
  examples: [
    { command: "kuasar-ctl check", does: "Exit code 0 where all that is enabled works" },
    { command: "kuasar-ctl doctor", does: "The same by its other name" },
  ],
  async run({ json }) {
    const host = judgeHost(hostFacts());
    const kvm = host.some(({ what, verdict }) => what === "acceleration" && verdict === "ok");
    const installation = readInstallation();
    const findings = [
      ...host,
      ...(installation
        ? await checkInstallation(installation, kvm)
        : [...await checkTools(), ...await checkPrograms()]),
    ];
    console.log(json ? toJson(findings) : report(findings));
    return findings.some((f) => f.verdict === "missing") ? 1 : 0;
  },
};
