/**
 * `deno task package`: Kuasar as packages for Debian, into `build/packages`.
 */
import { buildDir } from "../../lib/build/mod.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask, VERSION } from "../../lib/service/mod.ts";
import { setup } from "../setup.ts";
import { about } from "./about.ts";
import { buildPackages } from "./build.ts";

const FLAGS = {
  "version": {
    kind: "string",
    placeholder: "VERSION",
    default: VERSION,
    help: "Version of the packages",
  },
  "out": {
    kind: "string",
    placeholder: "DIR",
    default: `${buildDir}/packages`,
    help: "Folder for them",
  },
  "no-setup": { kind: "boolean", help: "Do not look whether something is to be built first" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task package",
  summary: "make packages for Debian: kuasar, and kuasar-programs with what Debian lacks",
  flags: FLAGS,
  examples: [
    { command: "deno task package", does: "Into build/packages" },
    {
      command: "deno task package --version 0.1.0+2",
      does: "A version that apt takes for newer than 0.1.0",
    },
  ],
};

async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const described = about(flags.version);
  if (!flags["no-setup"]) await setup();
  const files = await buildPackages(described, flags.out.replace(/(?<=.)\/+$/, ""));
  for (const file of files) console.log(file);
  console.error(`\nOn a host with Debian 12 or newer: apt install ${files.join(" ")}`);
  return EXIT.OK;
}

if (import.meta.main) await runTask("package", () => main(Deno.args));
