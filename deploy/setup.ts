/**
 * `deno task setup`: everything that is missing, into `build/`. The first run takes some ten minutes, later ones a second.
 * `--hypervisor NAMES`: for these drivers alone; pods without a kernel of their own need no guest kernel and image.
 */
import { isFile } from "../lib/files/mod.ts";
import { parseArgs } from "node:util";
import { buildAgent } from "../guest/build.ts";
import { buildImage } from "../image/build.ts";
import { buildOciImages } from "../image/oci/build.ts";
import { buildKernel } from "../kernel/build.ts";
import { KuasarError } from "../lib/errors/mod.ts";
import { chosenDrivers, type DriverDeployment, DRIVERS } from "./drivers.ts";
import { installHost } from "./host/mod.ts";

/**
 * Fetches the host programs, builds kernel, agent and images.
 *
 * The kernel keeps every core busy, so the rest, which mostly waits for downloads, runs beside it. A failure of one does
 * not stop the other: what it has built need not be built again.
 *
 * @param drivers for whose pods
 * @throws KuasarError of the first step that failed, when all have ended
 */
export async function setup(drivers: readonly DriverDeployment[] = DRIVERS): Promise<void> {
  const guest = drivers.some(({ vm }) => vm);
  const images = async () => {
    await installHost();
    await buildAgent();
    await Promise.all([...(guest ? [buildImage()] : []), buildOciImages()]);
  };
  const results = await Promise.allSettled([...(guest ? [buildKernel()] : []), images()]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
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

if (import.meta.main) {
  const begin = performance.now();
  try {
    const { values } = parseArgs({ args: Deno.args, options: { hypervisor: { type: "string" } } });
    const drivers = chosenDrivers(values.hypervisor);
    await setup(drivers);
    // Whoever has asked for all does not need each.
    if (values.hypervisor !== undefined) {
      for (const line of missingPrograms(drivers)) console.error(`setup: ${line}`);
    }
  } catch (error) {
    if (!(error instanceof KuasarError)) throw error;
    console.error(`setup: ${error.message}`);
    for (const line of error.evidence) console.error(`  ${line}`);
    Deno.exit(1);
  }
  console.error(`setup: everything is in build/ (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
}
