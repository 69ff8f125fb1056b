import * as esbuild from "esbuild";
import { root, step } from "../../lib/build/mod.ts";
import { DRIVERS } from "../drivers.ts";
import { CORE_SERVICES, driverService } from "../supervisor/mod.ts";

/** Every Deno program by its name below `lib`, with its main module in the checkout. */
export function programs(): Record<string, string> {
  return Object.fromEntries([
    ...CORE_SERVICES.map((name) => [name, `services/${name}/main.ts`]),
    ["ctl", "services/ctl/main.ts"],
    ...DRIVERS.map(({ name, folder }) => [driverService(name), `drivers/${folder}/main.ts`]),
  ]);
}

/**
 * Bundles the programs into `build/services`: one module each, and what several have in common once.
 *
 * Bundles start sooner and take less memory than the sources, and need no node_modules (docs/install.md).
 */
export function buildServices(): Promise<string> {
  const sources = ["lib", "services", "drivers", "deploy", "deno.json", "deno.lock"];
  return step({
    name: "services",
    output: "services",
    inputs: sources.map((path) => ({ path: `${root}/${path}` })),
    run: async ({ out }) => {
      const { metafile } = await esbuild.build({
        metafile: true,
        entryPoints: programs(),
        absWorkingDir: root,
        outdir: out,
        outExtension: { ".js": ".mjs" },
        chunkNames: "shared-[hash]",
        bundle: true,
        splitting: true,
        format: "esm",
        platform: "node",
        target: "es2023",
        legalComments: "none",
        logLevel: "error",
        // deno.json maps this name to the package.
        alias: { "@std/toml": "smol-toml" },
        // CommonJS modules in the bundle ask for Node's own modules.
        banner: {
          js:
            'import { createRequire as requireFor } from "node:module"; const require = requireFor(import.meta.url);',
        },
      });
      await esbuild.stop();
      await Deno.writeTextFile(`${out}/${BUNDLED}`, JSON.stringify(npmPackages(metafile), null, 1) + "\n");
    },
  });
}

/** In `build/services`: the folders below the checkout of the npm packages of which something is in the bundles. */
export const BUNDLED = "bundled.json";

function npmPackages({ inputs }: esbuild.Metafile): string[] {
  const folders = Object.keys(inputs).map((path) =>
    /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(`/${path}`)?.[0].slice(1)
  );
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}
