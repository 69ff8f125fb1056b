/**
 * `deno task test:host`: Debian 12 and 13 as people have them, in QEMU, and what is promised there; ends with a table.
 * `--suite NAMES` takes only these, `debian12` or `debian13`; `--slice` runs the short list; `--packages DIR` takes
 * packages that there are; `--vmms DIR` tries the real `cloud-hypervisor`, `firecracker` and `stratovirt` that are in a folder;
 * `--e2e KINDS` runs the end-to-end tests of these kinds only, or of `none`.
 */
import { parseArgs } from "node:util";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { allChecks, slice } from "./checks.ts";
import { type HostReport, runHost } from "./run_host.ts";
import { type Kind, KINDS } from "./install.ts";
import { packagesIn, packagesUnderTest } from "./packages.ts";
import { HOST_SUITES } from "./suites.ts";
import { vmmChecks } from "./vmm_checks.ts";
import { table } from "./table.ts";

/** The kinds that a flag names, separated by commas; all unless given. */
const chosenKinds = (names: string | undefined): readonly Kind[] =>
  KINDS.filter((kind) => names === undefined || names.split(",").includes(kind));

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      suite: { type: "string" },
      slice: { type: "boolean" },
      packages: { type: "string" },
      vmms: { type: "string" },
      e2e: { type: "string" },
    },
  });
  const names = values.suite?.split(",") ?? HOST_SUITES.map(({ name }) => name);
  const suites = HOST_SUITES.filter(({ name }) => names.includes(name));
  try {
    const packages = values.packages ? packagesIn(values.packages) : await packagesUnderTest();
    const reports: HostReport[] = [];
    for (const suite of suites) {
      const more = vmmChecks(values.vmms);
      const [checks, clean] = values.slice
        ? [slice(more), false]
        : [allChecks(more, chosenKinds(values.e2e)), true];
      reports.push(await runHost(suite, { checks, packages, clean, say: (line) => console.log(line) }));
    }
    console.log(`\n${table(reports)}`);
    const failed = reports.flatMap(({ results }) => results).filter(({ problem }) => problem).length;
    console.log(`${failed === 0 ? "All is as promised" : `${failed} FAILED`}`);
    Deno.exit(failed === 0 ? 0 : 1);
  } catch (error) {
    const { message, evidence } = asKuasarError(error);
    console.error(`test:host: ${message}`);
    for (const line of evidence) console.error(`  ${line}`);
    Deno.exit(1);
  }
}
