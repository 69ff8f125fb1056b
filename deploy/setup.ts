/**
 * `deno task setup`: everything that is missing, into `build/`. The first run takes some ten minutes, later ones a second.
 */
import { buildAgent } from "../guest/build.ts";
import { buildImage } from "../image/build.ts";
import { buildOciImages } from "../image/oci/build.ts";
import { buildKernel } from "../kernel/build.ts";
import { KuasarError } from "../lib/errors/mod.ts";
import { installHost } from "./host/mod.ts";

/**
 * Fetches the host programs, builds kernel, agent and images.
 *
 * The kernel keeps every core busy, so the rest, which mostly waits for downloads, runs beside it. A failure of one does
 * not stop the other: what it has built need not be built again.
 *
 * @throws KuasarError of the first step that failed, when all have ended
 */
export async function setup(): Promise<void> {
  const images = async () => {
    await installHost();
    await buildAgent();
    await Promise.all([buildImage(), buildOciImages()]);
  };
  const results = await Promise.allSettled([buildKernel(), images()]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

if (import.meta.main) {
  const begin = performance.now();
  try {
    await setup();
  } catch (error) {
    if (!(error instanceof KuasarError)) throw error;
    console.error(`setup: ${error.message}`);
    for (const line of error.evidence) console.error(`  ${line}`);
    Deno.exit(1);
  }
  console.error(`setup: everything is in build/ (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
}
