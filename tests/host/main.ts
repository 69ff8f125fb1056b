/** `deno task test:host`: Debian 12 and 13 as people have them, in QEMU, and what is promised there; ends with a table. */
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../../lib/service/mod.ts";
import { allChecks, slice } from "./checks.ts";
import { type HostReport, runHost } from "./run_host.ts";
import { type Kind, KINDS } from "./install.ts";
import { packagesIn, packagesUnderTest } from "./packages.ts";
import { HOST_SUITES } from "./suites.ts";
import { vmmChecks } from "./vmm_checks.ts";
import { table } from "./table.ts";

const FLAGS = {
  "suite": {
    kind: "string",
    anyOf: HOST_SUITES.map(({ name }) => name),
    placeholder: "NAMES",
    help: "Only these, separated by commas: debian12, debian13",
  },
  "slice": { kind: "boolean", help: "The short list" },
  "packages": {
    kind: "string",
    placeholder: "DIR",
    help: "Packages that there are, instead of building them",
  },
  "vmms": {
    kind: "string",
    placeholder: "DIR",
    help: "Try the real cloud-hypervisor, firecracker and stratovirt that are in this folder",
  },
  "e2e": {
    kind: "string",
    anyOf: [...KINDS, "none"],
    placeholder: "KINDS",
    help: "The end-to-end tests of these kinds only, separated by commas, or of none",
  },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task test:host",
  summary: "Debian 12 and 13 as people have them, in QEMU: all that is promised there, on one table",
  flags: FLAGS,
  examples: [
    { command: "deno task test:host --suite debian13 --slice", does: "one of them, and the short list" },
    {
      command: "deno task test:host --e2e runc,gvisor",
      does: "both, with the end-to-end tests of two kinds",
    },
  ],
};

/** The kinds that a flag names, separated by commas; all unless given. */
const chosenKinds = (names: string | undefined): readonly Kind[] =>
  KINDS.filter((kind) => names === undefined || names.split(",").includes(kind));

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const names = flags.suite?.split(",");
  const packages = flags.packages ? packagesIn(flags.packages) : await packagesUnderTest();
  const reports: HostReport[] = [];
  for (const suite of HOST_SUITES.filter(({ name }) => names?.includes(name) ?? true)) {
    const more = vmmChecks(flags.vmms);
    const [checks, clean] = flags.slice
      ? [slice(more), false]
      : [allChecks(more, chosenKinds(flags.e2e)), true];
    reports.push(await runHost(suite, { checks, packages, clean, say: (line) => console.log(line) }));
  }
  console.log(`\n${table(reports)}`);
  const failed = reports.flatMap(({ results }) => results).filter(({ problem }) => problem).length;
  console.log(`${failed === 0 ? "All is as promised" : `${failed} FAILED`}`);
  return failed === 0 ? EXIT.OK : EXIT.FAILURE;
}

if (import.meta.main) await runTask("test:host", main);
