/** What docs/security.md says of a VM's processes is what they are given. */
import { strictEqual } from "node:assert/strict";
import { FILE_SERVER, OWN_TAPS, PLAIN, RELAY, type Rights } from "../../drivers/contract/vm/rights.ts";
import { root } from "../root.ts";
import { formatted } from "./formatted.ts";

const PAGE = `${root}/docs/security.md`;

const PROCESSES: readonly (readonly [process: string, rights: Rights])[] = [
  ["a VMM", PLAIN],
  ["a VMM that finds its taps by name (Cloud Hypervisor, Firecracker)", OWN_TAPS],
  ["QEMU where it serves a directory by 9p itself", FILE_SERVER],
  ["`vhost-device-vsock`", RELAY],
];

function row([process, { capabilities, umask, openFiles }]: typeof PROCESSES[number]): string {
  const kept = capabilities.length === 0 ? "none" : capabilities.map((name) => `\`${name}\``).join(", ");
  const mask = umask === undefined ? "the driver's" : `0${umask.toString(8)}`;
  return `| ${process} | ${kept} | ${mask} | ${openFiles ?? "the driver's limit"} |`;
}

Deno.test("docs/security.md lists what each process of a VM may do", async () => {
  const page = await Deno.readTextFile(PAGE);
  const [, before, mark, after] = /^([\s\S]*?)(<!-- rights: .* -->\n)(?:\n\|[\s\S]*?)?(\n[^|\n][\s\S]*)$/
    .exec(page)!;
  const table = [
    "| process | capabilities | umask | open files |",
    "| --- | --- | --- | --- |",
    ...PROCESSES.map(row),
  ].join("\n");
  const wanted = await formatted(`${before}${mark}\n${table}\n${after}`);
  if (Deno.env.get("KUASAR_UPDATE_DOCS") !== undefined) await Deno.writeTextFile(PAGE, wanted);
  strictEqual(await Deno.readTextFile(PAGE), wanted, "out of date: KUASAR_UPDATE_DOCS=1 writes it");
});
