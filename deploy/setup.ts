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
 * The kernel keeps every core busy, so the rest, which mostly waits for downloads, runs beside it.
 *
 * @throws KuasarError of the first step that fails
 */
export async function setup(): Promise<void> {
  const images = async () => {
    await installHost();
    await buildAgent();
    await Promise.all([buildImage(), buildOciImages()]);
  };
  await Promise.all([buildKernel(), images()]);
}

if (import.meta.main) {
  try {
    await setup();
  } catch (error) {
    if (!(error instanceof KuasarError)) throw error;
    console.error(`setup: ${error.message}`);
    for (const line of error.evidence) console.error(`  ${line}`);
    Deno.exit(1);
  }
}
