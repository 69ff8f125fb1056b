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
      await esbuild.build({
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
    },
  });
}
