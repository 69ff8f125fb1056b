import { bundle, link } from "../../../guest/build.ts";
import { buildDir, root as repository, run, step } from "../../../lib/build/mod.ts";
import { exampleConfig } from "./example_config.ts";
import type { StandIn } from "../mod.ts";

const FOLDER = `${repository}/tests/standins/quark`;

/** What the driver is told to be Quark's configuration. */
const CONFIG = `${buildDir}/standins/quark.json`;

/** Builds the stand-in as the agent is built, unless nothing changed. @returns the path of the program */
export async function buildQuark(): Promise<string> {
  const module = await bundle(`${FOLDER}/main.ts`);
  const dir = await step({
    name: "quark stand-in",
    output: "standin-quark",
    inputs: [{ text: module }, { path: `${repository}/guest/native` }, {
      path: `${repository}/guest/build.ts`,
    }],
    run: async ({ out, log }) => {
      const work = `${out}/work`;
      await Deno.mkdir(work);
      await link({ module, output: `${out}/quark`, work, log });
      await run("strip", [`${out}/quark`], { log });
      await Deno.remove(work, { recursive: true });
    },
  });
  return `${dir}/quark`;
}

/** The stand-in for Quark. */
export const quark: StandIn = {
  driver: "quark",
  tool: "quark",
  command: "quark",
  variable: "QUARK",
  settings: { quarkConfig: CONFIG },
  // The real one reads a file that is always the same.
  async write(path) {
    const [program, config] = [await buildQuark(), CONFIG];
    await Deno.writeTextFile(config, JSON.stringify(exampleConfig(), null, 2));
    const log = `${buildDir}/standins/quark.log`;
    const script =
      `#!/bin/sh\nQUARK_STANDIN_CONFIG='${config}' QUARK_STANDIN_LOG='${log}' exec '${program}' "$@"\n`;
    await Deno.writeTextFile(path, script, { mode: 0o755 });
  },
};
