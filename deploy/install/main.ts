/**
 * `deno task install` and `deno task uninstall`: Kuasar on this host, or in a folder for a package.
 */
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../../lib/service/mod.ts";
import { chosenDrivers, DRIVERS } from "../drivers.ts";
import { hostContainerds } from "../host/containerd.ts";
import { setup } from "../setup.ts";
import { buildServices } from "./bundle.ts";
import { contents } from "./contents.ts";
import { type DropInPlan, planDropIn } from "./drop_in.ts";
import { type Action, install } from "./install.ts";
import { checkLayout, DEFAULT_LAYOUT, dropInFile, folders, type Layout } from "./layout.ts";
import { uninstall } from "./uninstall.ts";

const FLAGS = {
  "prefix": {
    kind: "string",
    placeholder: "DIR",
    default: DEFAULT_LAYOUT.prefix,
    help: "Programs and units",
  },
  "state-dir": {
    kind: "string",
    placeholder: "DIR",
    default: DEFAULT_LAYOUT.stateDir,
    help: "Kernel, images, configuration",
  },
  "etc-dir": {
    kind: "string",
    placeholder: "DIR",
    default: DEFAULT_LAYOUT.etcDir,
    help: "containerd/conf.d is below it",
  },
  "run-dir": {
    kind: "string",
    placeholder: "DIR",
    default: DEFAULT_LAYOUT.runDir,
    help: "Sockets and state of the services",
  },
  "cache-dir": { kind: "string", placeholder: "DIR", default: DEFAULT_LAYOUT.cacheDir, help: "Deno's cache" },
  "destdir": {
    kind: "string",
    placeholder: "DIR",
    default: "",
    help: "Put in front of every path that is written, for packages",
  },
  "hypervisor": {
    kind: "string",
    placeholder: "NAMES",
    default: "all",
    help: `Drivers, with commas between: ${DRIVERS.map(({ name }) => name).join(", ")}`,
  },
  "uninstall": { kind: "boolean", help: "Remove what was installed" },
  "purge": { kind: "boolean", help: "With --uninstall: changed configuration files and drop-ins too" },
  "dry-run": { kind: "boolean", help: "Tell what would be done" },
  "no-setup": { kind: "boolean", help: "Do not look whether something is to be built first" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task install",
  summary: "install Kuasar on this host",
  flags: FLAGS,
  examples: [
    { command: "deno task install", does: "Everything, below /usr/local" },
    { command: "deno task install --hypervisor qemu --dry-run", does: "Tell what one driver would take" },
    {
      command: "deno task install --prefix /usr --destdir /tmp/package",
      does: "Fill a folder for a package",
    },
    { command: "deno task uninstall", does: "Remove it again; changed configuration stays" },
  ],
};

function print({ verb, path, why }: Action): void {
  console.log(`${verb.padEnd(8)} ${path}${why === undefined ? "" : ` (${why})`}`);
}

/** What is left to do for whoever has installed it. */
function nextSteps(layout: Layout, { notes }: DropInPlan): string {
  const steps = [
    ...notes,
    "systemctl daemon-reload && systemctl enable --now kuasar.target && systemctl restart containerd",
    "kuasar-ctl check    says what is missing and what does not work",
    `kubectl apply -f ${folders(layout).kubernetes}    and the label kuasar.io/runtime=true on this node`,
  ];
  return `\nNext:\n${steps.map((step, i) => `  ${i + 1}. ${step.replaceAll("\n", "\n     ")}`).join("\n")}`;
}

/** A folder for a package is no host: whoever unpacks it has to look. */
async function dropInPlan(layout: Layout): Promise<DropInPlan> {
  if (layout.destDir !== "") return { version: 3, notes: [] };
  const [found] = await hostContainerds(layout.etcDir);
  return planDropIn(found, dropInFile(layout));
}

const AFTER_REMOVAL = `
Then: systemctl daemon-reload, and systemctl restart containerd, which still offers the handlers`;

async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(FLAGS, args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const layout = checkLayout({
    prefix: flags.prefix,
    destDir: flags.destdir.replace(/\/+$/, ""),
    configDir: flags["state-dir"],
    dataDir: flags["state-dir"],
    stateDir: flags["state-dir"],
    etcDir: flags["etc-dir"],
    runDir: flags["run-dir"],
    cacheDir: flags["cache-dir"],
  });
  const options = { dryRun: flags["dry-run"] ?? false, say: print };
  const would = options.dryRun ? " would be" : "";
  if (flags.uninstall) {
    const count = uninstall(layout, { ...options, purge: flags.purge ?? false });
    console.log(`${count} paths${would} removed`);
    if (layout.destDir === "" && !options.dryRun) console.log(AFTER_REMOVAL);
    return EXIT.OK;
  }
  const drivers = chosenDrivers(flags.hypervisor);
  if (!flags["no-setup"]) await setup(drivers);
  await buildServices();
  const plan = await dropInPlan(layout);
  const count = install(layout, contents(layout, drivers, plan.version ?? "none"), options);
  console.log(`${count} paths${would} changed${count === 0 ? ": all is as it should be" : ""}`);
  if (layout.destDir === "" && !options.dryRun) console.log(nextSteps(layout, plan));
  return EXIT.OK;
}

if (import.meta.main) await runTask("install", () => main(Deno.args));
