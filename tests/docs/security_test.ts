/** What docs/security.md says of a VM's processes is what they are given. */
import { strictEqual } from "node:assert/strict";
import { PROCESSES, type ProcessKind } from "../../drivers/contract/vm/rights.ts";
import { root } from "../root.ts";
import { formatted } from "./formatted.ts";

const PAGE = `${root}/docs/security.md`;

function row(
  { process, rights: { capabilities, umask, openFiles, calls }, ownUser, keeps }: ProcessKind,
): string {
  const kept = capabilities.length === 0 ? "none" : capabilities.map((name) => `\`${name}\``).join(", ");
  const mask = umask === undefined ? "the driver's" : `0${umask.toString(8)}`;
  const user = ownUser ? "the sandbox's own" : "root";
  return `| ${process} | ${user} | ${kept} | ${keeps} | ${
    calls ? `${calls.length} system calls` : "its own"
  } | ${mask} | ${openFiles ?? "the driver's limit"} |`;
}

Deno.test("docs/security.md lists what each process of a VM may do", async () => {
  const page = await Deno.readTextFile(PAGE);
  const [, before, mark, after] = /^([\s\S]*?)(<!-- rights: .* -->\n)(?:\n\|[\s\S]*?)?(\n[^|\n][\s\S]*)$/
    .exec(page)!;
  const table = [
    "| process | user | capabilities | sees of the host | filter | umask | open files |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...PROCESSES.map(row),
  ].join("\n");
  const wanted = await formatted(`${before}${mark}\n${table}\n${after}`);
  if (Deno.env.get("KUASAR_UPDATE_DOCS") !== undefined) await Deno.writeTextFile(PAGE, wanted);
  strictEqual(await Deno.readTextFile(PAGE), wanted, "out of date: KUASAR_UPDATE_DOCS=1 writes it");
});
