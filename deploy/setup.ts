/**
 * `deno task setup`: everything that is missing, into `build/`. The first run takes some ten minutes, later ones a second.
 * `--hypervisor NAMES`: for these drivers alone; pods without a kernel of their own need no guest kernel and image.
 */
import { isFile } from "../lib/files/mod.ts";
import { buildAgent } from "../guest/build.ts";
import { buildImage } from "../image/build.ts";
import { buildOciImages } from "../image/oci/build.ts";
import { buildKernel } from "../kernel/build.ts";
import { formatDuration } from "../lib/errors/mod.ts";
import { EXIT, type FlagTable, formatHelp, parseFlags, runTask } from "../lib/service/mod.ts";
import { chosenDrivers, type DriverDeployment, DRIVERS } from "./drivers.ts";
import { installHost } from "./host/mod.ts";

/** A set-up that is under way. */
export interface Setup {
  /** What pods without a VM need: the host programs, the agent, images of containers. */
  withoutVm: Promise<void>;
  /** All of it. Rejects with the error of the first step that failed, when all have ended. */
  all: Promise<void>;
}

/**
 * Begins to fetch the host programs and to build kernel, agent and images.
 *
 * The kernel keeps every core busy, so the rest, which mostly waits for downloads, runs beside it. A failure of one does
 * not stop the other: what it has built need not be built again.
 *
 * @param drivers for whose pods
 * @param options `kernelLast`: what only VMs need lets the rest go first, for who waits for that
 */
export function beginSetup(
  drivers: readonly DriverDeployment[] = DRIVERS,
  options: { kernelLast?: boolean } = {},
): Setup {
  const guest = drivers.some(({ vm }) => vm);
  const [host, agent] = [installHost(), buildAgent()];
  const images = host.then(buildOciImages);
  const withoutVm = Promise.all([agent, images]).then(() => {});
  const forVms = () => {
    const image = options.kernelLast
      ? withoutVm.then(buildImage)
      : Promise.all([host, agent]).then(buildImage);
    const kernel = options.kernelLast
      ? host.then(() => buildKernel(undefined, { yielding: true }))
      : buildKernel();
    return [image, kernel];
  };
  const all = Promise.allSettled([withoutVm, ...(guest ? forVms() : [])]);
  const allBuilt = all.then((results) => {
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
  });
  // Who waits for a part first hears of a failure of the rest later.
  allBuilt.catch(() => {});
  return { withoutVm, all: allBuilt };
}

/**
 * Fetches the host programs, builds kernel, agent and images.
 *
 * @param drivers for whose pods
 * @throws KuasarError of the first step that failed, when all have ended
 */
export async function setup(drivers: readonly DriverDeployment[] = DRIVERS): Promise<void> {
  const { withoutVm, all } = beginSetup(drivers);
  withoutVm.catch(() => {});
  await all;
}

/**
 * What these drivers need and nothing here builds: programs of other projects that are not where the shipped configuration
 * has them, with how to get them.
 */
export function missingPrograms(drivers: readonly DriverDeployment[]): string[] {
  return drivers.flatMap(({ name, program }) => {
    if (!program || isFile(program.path)) return [];
    return [`${name}: ${program.path} (${program.minVersion} or newer) is missing: ${program.remedy}`];
  });
}

const FLAGS = {
  "hypervisor": {
    kind: "string",
    placeholder: "NAMES",
    help: "What pods of these drivers need, alone; or all",
  },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task setup",
  summary: "fetch and build what is missing, into build/",
  flags: FLAGS,
  examples: [
    { command: "deno task setup", does: "everything; the first time some ten minutes, later a second" },
    { command: "deno task setup --hypervisor runc,gvisor", does: "nothing that only VMs need" },
  ],
};

async function main(): Promise<number> {
  const begin = performance.now();
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const drivers = chosenDrivers(flags.hypervisor);
  await setup(drivers);
  // Whoever has asked for all does not need each.
  if (flags.hypervisor !== undefined) {
    for (const line of missingPrograms(drivers)) console.error(`setup: ${line}`);
  }
  console.error(`setup: everything is in build/ (${formatDuration(performance.now() - begin)})`);
  return EXIT.OK;
}

if (import.meta.main) await runTask("setup", main);
