import { resolve } from "node:path";
import { about } from "../../deploy/package/about.ts";
import { buildPackages } from "../../deploy/package/build.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { setup } from "../../deploy/setup.ts";

/** The packages in a folder. */
export function packagesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".deb"))
    .map(({ name }) => resolve(folder, name)).sort();
}

/** Builds the packages of this checkout. */
export async function packagesUnderTest(): Promise<string[]> {
  await setup();
  return await buildPackages(about(), `${buildDir}/packages-host`);
}
